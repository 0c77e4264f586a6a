/// Runs pages as a reader does. Slow beside the other tests: each run starts F# interactive.
module Hybrid.Tests.Pages.Runs

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Expecto
open Hybrid.Tests.Equations

/// A hang, not a slow machine.
let private limit = TimeSpan.FromMinutes(Hybrid.Tests.Evidence.cases 10.0 60.0)

/// What a run of the page said, and how it ended.
type Outcome = { ExitCode: int; Output: string; Errors: string }

/// A page that runs.
type Running(name: string, options: string list, out: string) =
    let page =
        let command = [ "fsi"; $"scripts/{name}.fsx"; "--" ] @ options

        // A shell may have told what it starts in the background to ignore Ctrl-C.
        let program, arguments =
            if OperatingSystem.IsLinux() then
                "env", "--default-signal=INT" :: "dotnet" :: command
            else
                "dotnet", command

        let start =
            ProcessStartInfo(
                program,
                arguments,
                WorkingDirectory = root,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        start.Environment["HYBRID_OUT"] <- out

        for variable in [ "HYBRID_MODE"; "HYBRID_SEED" ] do
            start.Environment.Remove variable |> ignore

        let page = Process.Start start |> nonNull
        page.StandardInput.Close()
        page

    // Both streams are read while the page runs; a full pipe would stop it.
    let output, errors = page.StandardOutput.ReadToEndAsync(), page.StandardError.ReadToEndAsync()

    member _.HasEnded = page.HasExited

    /// As no program can prevent.
    member _.Kill() = page.Kill(entireProcessTree = true)

    /// As Ctrl-C does: to the process and all that it has started. Linux only.
    member _.Interrupt() =
        let rec tell (id: string) =
            for child in
                (File.ReadAllText $"/proc/{id}/task/{id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries) do
                tell child

            use kill = Process.Start("kill", [ "-INT"; id ])
            kill.WaitForExit()

        tell (string page.Id)

    member running.Wait() =
        if not (page.WaitForExit limit) then
            running.Kill()
            failtestf "the page did not end within %g minutes" limit.TotalMinutes

        Task.WaitAll(output, errors)
        { ExitCode = page.ExitCode; Output = output.Result; Errors = errors.Result }

    interface IDisposable with
        member running.Dispose() =
            if not page.HasExited then
                running.Kill()

            page.Dispose()

/// dotnet fsi scripts/NAME.fsx -- options, from the root of the repository, with nothing to read on its input.
let runPage name options out =
    use running = new Running(name, options, out)
    running.Wait()

let inTemporaryFolder (test: string -> 'T) =
    let folder = Directory.CreateTempSubdirectory "hybrid-page-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// Any program, with what it is told by the environment.
let runIn (folder: string) (variables: (string * string) list) (command: string) (arguments: string list) =
    let start =
        ProcessStartInfo(
            command,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name, value in variables do
        start.Environment[name] <- value

    use running = Process.Start start |> nonNull
    running.StandardInput.Close()
    let output, errors = running.StandardOutput.ReadToEndAsync(), running.StandardError.ReadToEndAsync()

    if not (running.WaitForExit limit) then
        running.Kill(entireProcessTree = true)
        failtestf "%s did not end within %g minutes" command limit.TotalMinutes

    { ExitCode = running.ExitCode; Output = output.Result; Errors = errors.Result }

/// What builds and runs have made; but the prelude, which need not be built once more for the first.
let private isMade (file: string) = Regex.IsMatch(file, @"^(?!prelude[\\/])(.*[\\/])?(bin|obj|out|results)[\\/]")

/// What the core, the scripts and the tests are built of, and the figures that pages show.
let copySources folder =
    let copy (path: string) =
        let target = Path.Combine(folder, Path.GetRelativePath(root, path))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName target)) |> ignore
        File.Copy(path, target)

    for part in [ "core"; "scripts"; "tests"; "docs/content" ] do
        for path in Directory.GetFiles(Path.Combine(root, part), "*", SearchOption.AllDirectories) do
            if not (isMade (Path.GetRelativePath(Path.Combine(root, part), path))) then
                copy path

    for path in Directory.GetFiles root do
        copy path

    Array.iter copy (Directory.GetFiles(Path.Combine(root, "scripts", "results")))
