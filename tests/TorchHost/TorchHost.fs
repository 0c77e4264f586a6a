/// Lets a program or a script use TorchSharp on systems whose libstdc++ is too old for it. See README.md beside this file.
module Hybrid.TorchHost

open System
open System.Diagnostics
open System.IO
open System.Runtime
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text

/// What libtorch asks of libstdc++ (GCC 13).
let private needed = "GLIBCXX_3.4.32"

/// Set for the process that is started again, so that a host that does not help is not tried for ever.
let private guard = "HYBRID_TORCH_HOST"

[<DllImport("libc", SetLastError = true)>]
extern int private execve(string path, string[] arguments, string[] environment)

let private fail (message: string) : 'T =
    eprintfn $"%s{message}"
    exit 1

/// The libstdc++ that this process has loaded, or would load.
let private library () =
    NativeLibrary.TryLoad "libstdc++.so.6" |> ignore

    File.ReadLines "/proc/self/maps"
    |> Seq.tryFind (fun line -> line.Contains "/libstdc++.so.6")
    |> Option.map (fun line -> line.Substring(line.IndexOf '/'))

let private isNewEnough () =
    match library () with
    | Some file -> (File.ReadAllBytes file).AsSpan().IndexOf(Encoding.ASCII.GetBytes(needed + "\000").AsSpan()) >= 0
    | None -> false

/// The folder that holds sdk/ and shared/ of the dotnet that runs us.
let private dotnetRoot () = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."))

/// Where the host for this dotnet is kept: another dotnet, or a newer one in its place, gets a host of its own.
let private hostFolder root =
    let cache =
        match Environment.GetEnvironmentVariable "XDG_CACHE_HOME" with
        | null
        | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".cache")
        | folder -> folder

    let dotnet = FileInfo(Path.Combine(root, "dotnet"))
    let identity = $"{dotnet.FullName} {dotnet.LastWriteTimeUtc.Ticks}"
    let key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes identity)).Substring(0, 12)
    Path.Combine(cache, "hybrid", "torch-host", key.ToLowerInvariant())

let private makeHost root folder =
    eprintfn "Fetching a newer libstdc++ for TorchSharp (once) ..."
    let script = Path.Combine(__SOURCE_DIRECTORY__, "make-host.sh")
    use making = Process.Start(ProcessStartInfo("bash", [ script; root; folder ])) |> nonNull
    making.WaitForExit()

    if making.ExitCode <> 0 then
        exit making.ExitCode

/// Turns this process into the same program, with the same arguments, under another host. Its id stays, so that whoever
/// waits for it, or ends it, has the right one.
let private become host root =
    // Both lists end with a null, as the system call has it.
    let toNull = List.toArray >> fun items -> Array.append items [| Unchecked.defaultof<string> |]

    let inherited =
        [
            for entry in Seq.cast<Collections.DictionaryEntry>(Environment.GetEnvironmentVariables()) ->
                string entry.Key, string entry.Value
        ]

    let environment =
        inherited
        |> List.filter (fun (name, _) -> name <> "DOTNET_ROOT" && name <> guard)
        |> List.append [ "DOTNET_ROOT", root; guard, host ]
        |> List.map (fun (name, value) -> $"{name}={value}")

    Console.Out.Flush()
    let arguments = [ host; "exec"; yield! Environment.GetCommandLineArgs() ]
    execve (host, toNull arguments, toNull environment) |> ignore
    fail $"{host} could not be started: {Marshal.GetLastPInvokeErrorMessage()}. Delete its folder and start again."

/// TorchSharp hands libtorch numbers (a rate, a slope) as objects that nothing holds during the call. A collection beside the
/// running program may finalize one while libtorch still reads it: "Expected false to be true" in Scalar.h. Without such
/// collections it can not happen: then only an allocation starts one, and a thread inside libtorch does not allocate.
let private keepScalars () = GCSettings.LatencyMode <- GCLatencyMode.Batch

/// Call this before the first use of TorchSharp. Where the libraries are new enough, and on other systems than Linux, it does
/// nothing; elsewhere the program starts again, from its beginning, under a host that it makes once.
let ensure () =
    keepScalars ()

    if OperatingSystem.IsLinux() then
        if isNewEnough () then
            // Programs that this one starts look after themselves.
            Environment.SetEnvironmentVariable(guard, null)
        else
            match Environment.GetEnvironmentVariable guard with
            | null ->
                let root = dotnetRoot ()
                let folder = hostFolder root
                let host = Path.Combine(folder, "dotnet")

                if not (File.Exists host) then
                    makeHost root folder

                become host folder
            | host -> fail $"{host} still runs on a libstdc++ without {needed}. Delete its folder and start again."
