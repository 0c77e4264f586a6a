module Hybrid.Tests.Checkpoints.KilledRunTests

open System
open System.Diagnostics
open System.IO
open System.Reflection
open Expecto
open Hybrid.Checkpoints
open Hybrid.Tests

let private start (command: string) (arguments: string list) =
    let information =
        ProcessStartInfo(command, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    let child = Process.Start information |> nonNull
    // A full pipe would stop it.
    child.BeginErrorReadLine()
    child

let private startChild folder =
    start "dotnet" [ Assembly.GetExecutingAssembly().Location; SmallRun.childArgument; folder ]

/// Reads what the child says until it ends, or until it is killed after so many lines.
let private follow (child: Process) (lines: int) =
    let rec read count last =
        if count = lines then
            child.Kill()
            child.WaitForExit()
            None
        else
            match child.StandardOutput.ReadLine() with
            | null -> Some last
            | line -> read (count + 1) line

    read 0 ""

let private uninterrupted =
    lazy
        (let run = SmallRun.Run()
         run.To SmallRun.steps
         $"digest {run.Digest}")

/// Kills a run up to twenty times, lets it come to its end, and says how often it was killed.
let private killAndResume (random: Random) folder =
    let rec go kills =
        use child = startChild folder
        // On average as many steps as twenty lives leave; the last life runs to its end.
        let lines = if kills = 20 then Int32.MaxValue else random.Next(1, 34)

        match follow child lines with
        | Some last ->
            Expect.equal last uninterrupted.Value "the digest of weights and losses"
            kills
        | None -> go (kills + 1)

    let kills = go 0
    Expect.isGreaterThanOrEqual kills 15 "kills survived"
    Expect.isEmpty (Directory.GetFiles(folder, "*.tmp")) "nothing half written is left"
    Expect.hasLength (Directory.GetFiles(folder, "small.*")) 2 "the last two checkpoints"
    kills

[<Tests>]
let tests =
    testSequenced (
        testList
            "Checkpoints.KilledRun"
            [
                testCase "killed at twenty random moments and resumed each time, a run ends as one that never stopped"
                <| fun _ ->
                    let random = Random 1

                    let kills = [ for _ in 1 .. Evidence.cases 1 20 -> Files.withFolder (killAndResume random) ]

                    Evidence.record
                        "A killed run goes on exactly"
                        "kills survived, of how many runs:"
                        $"{List.sum kills} of {kills.Length}"

                testCase "another process is refused the folder in which a run trains"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        use _ = CheckpointFolder.Open folder
                        use child = startChild folder
                        let said = child.StandardOutput.ReadToEnd()
                        child.WaitForExit()
                        Expect.notEqual child.ExitCode 0 "exit code"
                        Expect.equal said "" "no step is taken")

                testCase "a disk that takes no more stops no run, and the last good checkpoint stays"
                <| fun _ ->
                    if not (OperatingSystem.IsLinux()) then
                        Tests.skiptest "limits the size of files by ulimit"

                    Files.withFolder (fun folder ->
                        let location = Assembly.GetExecutingAssembly().Location

                        // No file may become as large as a checkpoint. (The runtime maps its own code through a larger one, if it may.)
                        let script =
                            $"trap '' XFSZ; ulimit -f 8; DOTNET_EnableWriteXorExecute=0 exec dotnet '{location}' {SmallRun.childArgument} '{folder}'"

                        use child = start "bash" [ "-c"; script ]
                        let said = child.StandardOutput.ReadToEnd()
                        child.WaitForExit()
                        Expect.stringContains said "not saved:" "it says so"
                        Expect.stringContains said "free space" "and what to do"
                        Expect.stringContains said uninterrupted.Value "and goes on to its end"
                        Expect.isEmpty (Directory.GetFiles(folder, "small.*")) "nothing half written is left")
            ]
    )
