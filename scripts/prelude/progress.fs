namespace Hybrid.Scripts

open System
open System.Diagnostics
open Spectre.Console

/// Tells how far a long loop has come: a live bar on a terminal, a line about every tenth anywhere else.
[<RequireQualifiedAccess>]
module Progress =
    let private timeLeft (watch: Stopwatch) step total =
        let left = watch.Elapsed * (float (total - step) / float step)
        $"{int left.TotalMinutes}:{left.Seconds:D2} left"

    let private asBar (name: string) total (work: (int -> string -> unit) -> 'T) =
        let columns: ProgressColumn[] =
            [|
                TaskDescriptionColumn(Alignment = Justify.Left)
                ProgressBarColumn()
                PercentageColumn()
                RemainingTimeColumn()
            |]

        AnsiConsole
            .Progress()
            .Columns(columns)
            .Start(fun context ->
                let bar = context.AddTask(Markup.Escape name, maxValue = float total)

                work (fun step message ->
                    bar.Value <- float step
                    bar.Description <- Markup.Escape $"{name}: {message}"))

    let private asLines (name: string) total (work: (int -> string -> unit) -> 'T) =
        let watch = Stopwatch.StartNew()
        let mutable tenthsTold = 0

        work (fun step message ->
            let tenths = 10L * int64 step / int64 total |> int

            if tenths > tenthsTold then
                tenthsTold <- tenths
                // On the site nobody waits, and lines should fit into half a page.
                let place = if Host.isSite then "" else $" of {total}"
                let left = if Host.isSite then "" else "  " + timeLeft watch step total
                printfn $"{name} {10 * tenths, 3} %%  step {step}{place}  {message}{left}")

    /// Runs the work, which calls report step "loss 1.23, 15000 tokens/s" after each step, counted from 1.
    let run (name: string) (total: int) (work: (int -> string -> unit) -> 'T) : 'T =
        if total < 1 then
            invalidArg (nameof total) $"'{name}' must take 1 step or more, got {total}."

        if Host.isSite || Console.IsOutputRedirected || not AnsiConsole.Profile.Capabilities.Interactive then
            asLines name total work
        else
            asBar name total work
