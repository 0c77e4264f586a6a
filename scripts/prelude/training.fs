namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data

/// Training that can be stopped at any moment: every minute, or as often as asked, and at the end of each run, all that it goes on from is saved. A
/// page started again with --resume ends with the same figures as one that never stopped.
[<RequireQualifiedAccess>]
module Training =
    let mutable private opened: CheckpointFolder option = None
    let mutable private isInterrupted = false
    let mutable private limit: int option = None

    let private folderOf (page: Page) = Path.Combine(page.Out, "checkpoints")

    let private interrupt =
        ConsoleCancelEventHandler(fun _ pressed ->
            // The step that runs is finished first.
            pressed.Cancel <- true
            isInterrupted <- true)

    let private openFolder (page: Page) =
        match opened with
        | Some folder -> folder
        | None ->
            let folder = CheckpointFolder.Open(folderOf page)
            opened <- Some folder
            Console.CancelKeyPress.AddHandler interrupt
            folder

    let private stop (page: Page) name step : unit =
        eprintfn $"\nStopped after step %d{step} of the run '%s{name}', which is saved."

        let options = Host.arguments |> Array.filter ((<>) "--resume")
        let again = String.Join(" ", [ yield! options; "--resume" ])
        eprintfn $"To go on: dotnet fsi scripts/%s{page.Name}.fsx -- %s{again}"
        exit 130

    /// Takes the steps that a run has not taken yet. A step gets its number, counted from 1, and changes nothing that a later step
    /// reads but what is in the state. The settings say which run it is: one that was begun with others is not taken up.
    let run name (settings: (string * string) list) (state: TrainingState) steps (step: int -> unit) =
        let page = Page.current ()
        let settings = readOnlyDict settings

        let next () =
            step (state.Step + 1)
            state.Step <- state.Step + 1

        match limit with
        | Some most ->
            while state.Step < min most steps do
                next ()
        | None when not page.KeepsCheckpoints ->
            while state.Step < steps do
                next ()
        | None ->
            try
                let folder = openFolder page

                if page.Resumes then
                    folder.Resume(name, settings, state) |> ignore

                let watch = Stopwatch.StartNew()

                let save () =
                    try
                        folder.Save(name, settings, state)
                    with :? DataFileException as error ->
                        // A full disk ends no run; the last checkpoint that fitted stays.
                        eprintfn $"warning: {error.Message}"

                    watch.Restart()

                let isDone = state.Step >= steps

                while state.Step < steps do
                    next ()

                    if isInterrupted then
                        save ()
                        stop page name state.Step
                    elif watch.Elapsed > page.SaveEvery then
                        save ()

                if not isDone then
                    save ()
            with :? DataFileException as error ->
                Host.refuse error.Message

    /// Does what trains, but of each run no more than its first steps, and saves nothing: whether a run of long ago would begin the same today is seen
    /// in seconds.
    let beginning most (train: unit -> 'T) =
        limit <- Some most

        try
            train ()
        finally
            limit <- None

    /// Lets go of the checkpoints, which stay.
    let close () =
        match opened with
        | None -> ()
        | Some folder ->
            Console.CancelKeyPress.RemoveHandler interrupt
            folder.Dispose()
            opened <- None

    /// Removes the checkpoints of a page that has come to its end: there is nothing to resume.
    let forget () =
        if opened.IsSome then
            close ()
            Directory.Delete(folderOf (Page.current ()), true)
