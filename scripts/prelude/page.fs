namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open Argu

[<RequireQualifiedAccess>]
type Mode =
    | Quick
    | Standard
    | Full

/// What a page can be asked for beyond the options that every page has.
[<RequireQualifiedAccess>]
type Extra =
    | Full
    | Steps
    /// Training that goes on from its last checkpoint.
    | Resume
    /// A check after every rule.
    | CheckFinite
    /// A trained model as a file.
    | Save
    /// A file with the weights to start from.
    | Weights
    | Device
    /// A folder with the reader's own data.
    | Corpus

[<RequireQualifiedAccess>]
type Argument =
    | [<Unique>] Quick
    | [<Unique>] Full
    | [<Unique; EqualsAssignmentOrSpaced>] Seed of uint64
    | [<Unique; EqualsAssignmentOrSpaced>] Steps of int
    | [<Unique; EqualsAssignmentOrSpaced>] Save of file: string
    | [<Unique; EqualsAssignmentOrSpaced>] Weights of file: string
    | [<Unique; EqualsAssignmentOrSpaced>] Device of name: string
    | [<Unique; EqualsAssignmentOrSpaced>] Corpus of folder: string
    | [<Unique; EqualsAssignmentOrSpaced>] Out of folder: string
    | [<Unique>] Resume
    | [<Unique; EqualsAssignmentOrSpaced; CustomCommandLine "--save-every">] SaveEvery of seconds: float
    | [<Unique; CustomCommandLine "--check-finite">] CheckFinite
    | [<Unique>] Open

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Quick -> "a smaller run of the same code, at most 30 seconds"
            | Full -> "a longer run, closer to the paper's; the page states its time"
            | Seed _ -> "start of all chance, a whole number; 1 if left out"
            | Steps _ -> "training steps, instead of the number that the mode sets"
            | Save _ -> "file (safetensors) that gets the trained model"
            | Weights _ -> "file that --save made, to start from; a fresh model if left out"
            | Device _ -> "cpu or cuda; cpu if left out"
            | Corpus _ -> "folder with data of your own; the page says how"
            | Out _ -> "folder of plots and results; a folder in scripts/out if left out"
            | CheckFinite -> "look for NaN and infinity after every rule, forward and backward"
            | Resume -> "go on from the last checkpoint in the folder of results"
            | SaveEvery _ -> "seconds of training between two checkpoints; 60 if left out"
            | Open -> "open the plots in the browser at the end"

/// One run of a page: its name, and what was asked for.
type Page =
    {
        Name: string
        Mode: Mode
        Seed: uint64
        /// The number given with --steps; the member Steps falls back to the mode's own.
        StepsAsked: int option
        /// Full path of the file that is to get the trained model.
        SaveTo: string option
        /// Full path of the file with the weights to start from.
        Weights: string option
        /// cpu or cuda.
        Device: string
        /// Full path of the folder with the reader's own data.
        Corpus: string option
        Out: string
        /// True on a terminal: training saves what it goes on from. On the site and in a notebook nobody could resume it.
        KeepsCheckpoints: bool
        /// True if training goes on from its last checkpoint.
        Resumes: bool
        /// Between two checkpoints.
        SaveEvery: TimeSpan
        /// True if every rule is checked as soon as it has run.
        ChecksFinite: bool
        OpensPlots: bool
    }

    member page.IsQuick = page.Mode = Mode.Quick

    /// The value for this run's mode; a page without --full leaves full out.
    member page.Pick(quick: 'T, standard: 'T, ?full: 'T) =
        match page.Mode with
        | Mode.Quick -> quick
        | Mode.Standard -> standard
        | Mode.Full -> defaultArg full standard

    /// The number of training steps: as asked with --steps, else the one for this run's mode.
    member page.Steps(quick: int, standard: int, ?full: int) =
        page.StepsAsked
        |> Option.defaultWith (fun () -> page.Pick(quick, standard, defaultArg full standard))

    /// A file of this run, such as page.File ".ledger.json".
    member page.File(suffix: string) = Path.Combine(page.Out, page.Name.Replace('/', '-') + suffix)

[<RequireQualifiedAccess>]
module Page =
    let private parser = ArgumentParser.Create<Argument>()
    let mutable private started: Page option = None
    let private watch = Stopwatch()

    /// Seconds since the page began. What came before, the compiler's work and on the site that of fsdocs, is not the page's.
    let seconds () = watch.Elapsed.TotalSeconds

    /// The page that runs; there is one a process.
    let current () =
        match started with
        | Some page -> page
        | None -> Host.refuse "the page has not begun; call Page.start before figures, checks and claims."

    let private extraOptions =
        Map
            [
                "--full", Extra.Full
                "--steps", Extra.Steps
                "--resume", Extra.Resume
                "--save-every", Extra.Resume
                "--check-finite", Extra.CheckFinite
                "--save", Extra.Save
                "--weights", Extra.Weights
                "--device", Extra.Device
                "--corpus", Extra.Corpus
            ]

    /// The options that a page with these extras has, a line each.
    let usage name extras =
        let isSupported option =
            match Map.tryFind option extraOptions with
            | Some extra -> List.contains extra extras
            | None -> true

        let line (option: string) value description = $"  {option + value, -18}{description}"

        let lines =
            [
                for case in parser.GetArgumentCases() do
                    match List.filter isSupported case.CommandLineNames.Value with
                    | ("--seed" | "--steps" | "--save-every" as option) :: _ -> line option " N" case.Description.Value
                    | ("--save" | "--weights" as option) :: _ -> line option " FILE" case.Description.Value
                    | "--device" :: _ -> line "--device" " NAME" case.Description.Value
                    | ("--corpus" | "--out" as option) :: _ -> line option " DIR" case.Description.Value
                    | option :: _ -> line option "" case.Description.Value
                    | [] -> ()
                line "--help" "" "show this list"
            ]

        String.Join("\n", $"Usage: dotnet fsi scripts/{name}.fsx -- [options]" :: lines)

    let private variable name =
        match Environment.GetEnvironmentVariable name with
        | null
        | "" -> None
        | value -> Some value

    let private modeFromEnvironment extras =
        match variable "HYBRID_MODE" with
        | None
        | Some "standard" -> Mode.Standard
        | Some "quick" -> Mode.Quick
        // It asks all pages of the site for their longest run, also those that have no full one.
        | Some "full" -> if List.contains Extra.Full extras then Mode.Full else Mode.Standard
        | Some other -> Host.refuse $"HYBRID_MODE is '{other}'; it can be quick, standard or full."

    let private seedFromEnvironment () =
        match variable "HYBRID_SEED" with
        | None -> 1UL
        | Some text ->
            match UInt64.TryParse text with
            | true, seed -> seed
            | _ -> Host.refuse $"HYBRID_SEED is '{text}'; it must be a whole number, 0 or more."

    /// The full path of a file that is to be written much later: tried now, so that no long run ends without its result.
    let private writable option (file: string) =
        try
            let file = Path.GetFullPath file

            if Directory.Exists file then
                Host.refuse $"{option}: {file} is a folder; name a file in it."

            let folder = nonNull (Path.GetDirectoryName file)

            if not (Directory.Exists folder) then
                Host.refuse $"{option}: there is no folder {folder}; make it, or name a file elsewhere."

            let trial = $"{file}.{Guid.NewGuid():N}.tmp"
            using (new FileStream(trial, FileMode.CreateNew)) ignore
            File.Delete trial
            file
        with
        | :? IOException
        | :? ArgumentException
        | :? UnauthorizedAccessException as error ->
            Host.refuse $"{option}: cannot write '{file}': {error.Message} Name a file elsewhere."

    let private rejectWith name extras cause = Host.refuse $"{cause}\n\n{usage name extras}"

    let private parse (options: string[]) name extras =
        try
            parser.ParseCommandLine(options, raiseOnUsage = false)
        with :? ArguParseException as error ->
            let cause = error.Message.Split('\n')[0]

            rejectWith
                name
                extras
                (cause
                    .Replace("ERROR: ", "")
                    .Replace("<uint64>", "a whole number, 0 or more")
                    .Replace("<int>", "a whole number")
                    .Replace("<seconds>", "a number of seconds"))

    /// What the options leave open is read from HYBRID_MODE, HYBRID_SEED and HYBRID_OUT.
    let private chosen (given: ParseResults<Argument>) name extras =
        let reject cause = rejectWith name extras cause
        let steps = given.TryGetResult Argument.Steps

        let mode =
            match given.Contains Argument.Quick, given.Contains Argument.Full with
            | true, true -> reject "--quick and --full exclude each other."
            | true, false -> Mode.Quick
            | false, true -> Mode.Full
            | false, false -> modeFromEnvironment extras

        if mode = Mode.Full && not (List.contains Extra.Full extras) then
            reject $"{name} has no full run."

        let saveEvery = given.TryGetResult Argument.SaveEvery
        let save = given.TryGetResult Argument.Save
        let weights = given.TryGetResult Argument.Weights
        let device = given.TryGetResult Argument.Device
        let corpus = given.TryGetResult Argument.Corpus

        for option, isGiven in
            [
                "--steps", steps.IsSome
                "--resume", given.Contains Argument.Resume
                "--save-every", saveEvery.IsSome
                "--check-finite", given.Contains Argument.CheckFinite
                "--save", save.IsSome
                "--weights", weights.IsSome
                "--device", device.IsSome
                "--corpus", corpus.IsSome
            ] do
            if isGiven && not (List.contains extraOptions[option] extras) then
                reject $"{name} has no option {option}."

        match steps with
        | Some count when count < 1 -> reject $"--steps must be 1 or more, got {count}."
        | _ -> ()

        match saveEvery with
        | Some seconds when not (seconds >= 0.0 && seconds <= 86400.0) ->
            reject $"--save-every must be from 0 to 86400 seconds, got {seconds}."
        | _ -> ()

        match device with
        | Some other when other <> "cpu" && other <> "cuda" -> reject $"--device is '{other}'; it can be cpu or cuda."
        | _ -> ()

        match weights with
        | Some file when not (File.Exists file) ->
            Host.refuse $"--weights: there is no file {Path.GetFullPath file}; a page writes one with --save."
        | _ -> ()

        match corpus with
        | Some folder when not (Directory.Exists folder) ->
            Host.refuse $"--corpus: there is no folder {Path.GetFullPath folder}."
        | _ -> ()

        {
            Name = name
            Mode = mode
            Seed = given.TryGetResult Argument.Seed |> Option.defaultWith seedFromEnvironment
            StepsAsked = steps
            SaveTo = save |> Option.map (writable "--save")
            Weights = weights |> Option.map Path.GetFullPath
            Device = defaultArg device "cpu"
            Corpus = corpus |> Option.map Path.GetFullPath
            Out =
                given.TryGetResult Argument.Out
                |> Option.orElse (variable "HYBRID_OUT")
                |> Option.defaultValue (Path.Combine(Host.root, "scripts", "out", name.Replace('/', '-')))
                |> Path.GetFullPath
            KeepsCheckpoints = Host.isTerminal
            Resumes = given.Contains Argument.Resume
            SaveEvery = TimeSpan.FromSeconds(defaultArg saveEvery 60.0)
            ChecksFinite = given.Contains Argument.CheckFinite
            OpensPlots = given.Contains Argument.Open
        }

    /// The run of a page that options ask for, or nothing if they ask for the list of them.
    let read options name extras =
        let given = parse options name extras

        if given.IsUsageRequested then None else Some(chosen given name extras)

    /// Makes the output folder, removes what an earlier run said about itself, and lets this page be the one that runs.
    let enter (page: Page) =
        try
            Directory.CreateDirectory page.Out |> ignore

            for suffix in [ ".end.json"; ".ledger.json" ] do
                File.Delete(page.File suffix)
        with
        | :? IOException
        | :? UnauthorizedAccessException as error ->
            Host.refuse $"cannot write to {page.Out}: {error.Message} Choose another folder with --out DIR."

        started <- Some page
        watch.Restart()

    /// Begins the page that the options ask for. They reach it only on a terminal; elsewhere there are none.
    let start name extras =
        match read Host.arguments name extras with
        | None ->
            printfn $"{usage name extras}"
            exit 0
        | Some page ->
            enter page
            page
