/// Keeps processes with the mutated core at work, and starts them anew when a mutant has hung or crashed one.
module Hybrid.Mutation.Workers

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks

/// A test that reaches mutants: its place in the worker's list, what it takes, and what it reaches.
type Test = { Index: int; Milliseconds: int; Name: string; Reached: Set<int> }

type Verdict =
    | Killed of test: string
    | Hung of test: string
    | Crashed of test: string
    | Survived

let workerArgument = "--worker"

type private Process(folder: string, environment: (string * string) list) =
    let child =
        let start =
            ProcessStartInfo(
                "dotnet",
                [ Path.Combine(folder, "Mutation.dll"); workerArgument ],
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in environment do
            start.Environment[name] <- value

        let child = Process.Start start |> nonNull
        // A full pipe would stop it.
        child.BeginErrorReadLine()
        child

    member _.Say(line: string) =
        try
            child.StandardInput.WriteLine line
            child.StandardInput.Flush()
        with :? IOException ->
            () // It has ended; the next line that is read says so.

    /// The next line; None inside at the end, None outside if it hangs.
    member _.Read(limit: TimeSpan) =
        let reading = child.StandardOutput.ReadLineAsync()
        if reading.Wait limit then Some(Option.ofObj reading.Result) else None

    interface IDisposable with
        member _.Dispose() =
            if not child.HasExited then
                child.Kill()

            child.WaitForExit()
            child.Dispose()

/// Runs every test once with no mutant on; the tests that pass, and those that do not.
let cover folder environment =
    use worker = new Process(folder, environment)
    worker.Say "cover"

    let rec read tests red =
        match worker.Read(TimeSpan.FromMinutes 30.0) with
        | None
        | Some None -> failwith "the tests do not run to their end on the mutated core with every mutant off."
        | Some(Some "end") -> List.rev tests, red
        | Some(Some line) ->
            let parts = line.Split '\t'

            if parts[0] = "red" then
                read tests (red + 1)
            else
                let reached = if parts[4] = "" then Set.empty else parts[4].Split ',' |> Seq.map int |> Set.ofSeq

                let test = { Index = int parts[1]; Milliseconds = int parts[2]; Name = parts[3]; Reached = reached }

                read (test :: tests) red

    read [] 0

/// A hang, not a slow machine.
let private limit (test: Test) = TimeSpan.FromMilliseconds(8000.0 + 20.0 * float test.Milliseconds)

type private Answer =
    | Judged of Verdict
    | Damaged

let private ask (worker: Process) number (tests: Test list) =
    let byIndex = dict [ for test in tests -> test.Index, test ]
    worker.Say $"""{number}{'\t'}{String.Join(",", [ for test in tests -> test.Index ])}"""

    let rec read (current: Test) =
        match worker.Read(limit current) with
        | None -> Judged(Hung current.Name)
        | Some None -> Judged(Crashed current.Name)
        | Some(Some line) ->
            match line.Split '\t' with
            | [| "at"; index |] -> read byIndex[int index]
            | [| "killed"; index |] -> Judged(Killed byIndex[int index].Name)
            | [| "survived" |] -> Judged Survived
            | _ -> Damaged

    read tests.Head

/// One verdict for each number, in no order, as they come.
let judge folder environment threads (tasks: (int * Test list) list) (report: int -> Verdict -> unit) =
    let queue = ConcurrentQueue tasks
    let report number verdict = lock queue (fun () -> report number verdict)

    let work () =
        let mutable worker: Process option = None

        let fresh () =
            worker |> Option.iter (fun old -> (old :> IDisposable).Dispose())
            let started = new Process(folder, environment)
            worker <- Some started
            started

        let rec verdict number tests isFresh =
            let current =
                if isFresh then
                    fresh ()
                else
                    (match worker with
                     | Some one -> one
                     | None -> fresh ())

            match ask current number tests with
            | Judged(Hung _)
            | Judged(Crashed _)
            | Damaged when not isFresh -> verdict number tests true // It may be an earlier mutant's doing.
            | Judged(Hung _ | Crashed _ as judged) ->
                fresh () |> ignore
                judged
            | Judged judged -> judged
            | Damaged ->
                fresh () |> ignore
                // A test that fails with every mutant off in a fresh process: the mutant did that, moments before.
                Killed "a test that fails afterwards too"

        let rec loop () =
            match queue.TryDequeue() with
            | true, (number, tests) ->
                report number (verdict number tests false)
                loop ()
            | _ -> ()

        loop ()
        worker |> Option.iter (fun last -> (last :> IDisposable).Dispose())

    [| for _ in 1..threads -> Task.Factory.StartNew(work, TaskCreationOptions.LongRunning) |]
    |> Task.WaitAll
