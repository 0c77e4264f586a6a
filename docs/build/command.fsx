namespace Hybrid.Docs

open System.Diagnostics

[<RequireQualifiedAccess>]
module Command =
    /// Runs a program in a folder with these variables; its exit code, and all it wrote.
    let run (folder: string) (variables: (string * string) list) (command: string) (arguments: string list) =
        let start =
            ProcessStartInfo(
                command,
                arguments,
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in variables do
            start.Environment[name] <- value

        use running = Process.Start start
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        running.ExitCode, output + errors.Result
