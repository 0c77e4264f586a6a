// Would the kept full runs begin the same today? Repeats the first 20 steps of every run whose figures lie in scripts/results, with the code of its
// page, and compares the losses to the bit with those that were stored beside the figures when the run was fresh:
//
//     dotnet fsi tests/Pins/first.fsx -- transformer            # or translation, or variations; a minute each
//     dotnet fsi tests/Pins/first.fsx -- transformer --store    # stores those of which there are none yet
//
// The bits depend on the vectors and the number of threads (HYBRID_THREADS, DOTNET_EnableAVX512), so there is a set for each. Exit code 1 where a
// loss differs, or where nothing was stored for this machine.
open System
open System.Diagnostics
open System.IO

let scripts = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "scripts"))

/// The parts of a page that its kept runs need: from one line, or from the first, to before another.
let partsOf =
    Map
        [
            "transformer",
            [ None, "let mainModel, main ="; Some "let breakSteps, breakSeeds, breakEvaluations =", "let runsOf =" ]
            "translation", [ None, "let mainModel, main ="; Some "let shortSteps =", "let shortRuns =" ]
            "variations",
            [
                None, "let stream = RandomStream(page.Seed).Split(\"table 1\")"
                Some "let trainWords, validWords =", "let outcomes ="
                Some "type Tree =", "let parser, parsingHistory ="
            ]
        ]

/// The kept runs of a page, by its own functions.
let runsOf =
    Map
        [
            "transformer",
            """
            "main", (fun () -> train "main" settings schedule.Rate smoothing steps evaluations page.Seed untold |> snd)
            for i, (_, settings, rate, smoothing) in List.indexed variants do
                for seed in seedsOfRuns do
                    let name = $"break-it-{i}-seed-{seed}"
                    name, (fun () -> train name settings rate smoothing breakSteps breakEvaluations seed untold |> snd)
            """
            "translation",
            """
            let evaluations = page.Pick(quick = 2, standard = 15, full = 40)
            "main", (fun () -> train "main" settings (scheduleOf trainingSteps) trainingSteps evaluations untold |> snd)
            for i, dropout in List.indexed [ 0.2; 0.0 ] do
                let name, rates = $"break-it-{i}", scheduleOf shortSteps
                name, (fun () -> train name (settingsOf dropout) rates shortSteps shortEvaluations untold |> snd)
            """
            "variations",
            """
            for variation in chosen do
                for seed in seeds do
                    let name = $"{variation.Name}, seed {seed}"
                    name, (fun () -> train trainPairs validPairs steps evaluations variation seed untold |> snd)
            let pairs trees = trees |> List.map pairOf |> Array.ofList
            let grammar, looks = variation "6.3" "parsing" parserSettings true, page.Pick(quick = 1, standard = 5)
            let parsing () = train (pairs trainTrees) (pairs unseenTrees) parsingSteps looks grammar page.Seed untold |> snd
            "parsing", parsing
            """
        ]

/// Lines of the page, from the one that begins so, or from the first, to before the one that begins so.
let part (lines: string[]) (first: string option, until: string) =
    let find (text: string) =
        match Array.tryFindIndex (fun (line: string) -> line.StartsWith(text, StringComparison.Ordinal)) lines with
        | Some place -> place
        | None -> failwith $"the page has no line that begins with '{text}'; follow it in tests/Pins/first.fsx."

    let first = first |> Option.map find |> Option.defaultValue 0
    String.Join("\n", lines[first .. find until - 1])

/// Says of each run whether it begins as it did.
let reporting =
    """
let repeated = Results.repeatBeginnings page keptRuns

for name, losses, stored in repeated do
    match stored with
    | Some stored when stored = losses -> eprintfn $"same      {name}"
    | Some stored ->
        let step = Array.zip stored losses |> Array.tryFindIndex (fun (a, b) -> a <> b) |> Option.defaultValue stored.Length
        eprintfn $"DIFFERENT {name}, from step {step + 1} on: %.9g{stored[min step (stored.Length - 1)]} then, %.9g{losses[min step (losses.Length - 1)]} now"
    | None -> eprintfn $"none yet  {name}, which begins with %.9g{losses[0]}"
"""

let repeat name isStore =
    let lines = File.ReadAllLines(Path.Combine(scripts, name + ".fsx"))
    let folder = Directory.CreateTempSubdirectory "hybrid-first-"

    let code =
        [
            for range in partsOf[name] do
                (part lines range).Replace("#load \"", $"#load \"{scripts}/")
            "let untold (_: int) (_: string) = ()"
            "let keptRuns: (string * (unit -> History)) list = [" + runsOf[name] + "]"
            reporting
            if isStore then
                "Results.keepBeginnings page [ for name, losses, stored in repeated do if stored.IsNone then name, losses ]"
                "exit 0"
            else
                "exit (if repeated |> List.forall (fun (_, losses, stored) -> stored = Some losses) then 0 else 1)"
        ]

    let script = Path.Combine(folder.FullName, name + ".fsx")

    try
        File.WriteAllText(script, String.Join("\n", code))

        let start =
            ProcessStartInfo(
                "dotnet",
                [ "fsi"; script; "--full"; "--out"; Path.Combine(folder.FullName, "out") ],
                WorkingDirectory = scripts,
                RedirectStandardOutput = true
            )

        use run = Process.Start start
        // What the page itself prints on its way.
        run.StandardOutput.ReadToEnd() |> ignore
        run.WaitForExit()
        run.ExitCode
    finally
        folder.Delete true

match List.ofArray fsi.CommandLineArgs |> List.tail |> List.filter ((<>) "--") with
| [ name ] when partsOf.ContainsKey name -> exit (repeat name false)
| [ name; "--store" ] when partsOf.ContainsKey name -> exit (repeat name true)
| _ ->
    let known = String.Join(", ", partsOf.Keys)
    eprintfn $"Usage: dotnet fsi tests/Pins/first.fsx -- PAGE [--store]; pages with a kept full run: {known}."
    exit 2
