// Do the pages print the same figures as before? Runs pages as readers do in quick mode, takes out what depends on time and on the machine, and
// compares the rest with what was stored:
//
//     dotnet fsi tests/Pins/quick.fsx                       # all pages, half a minute each
//     dotnet fsi tests/Pins/quick.fsx -- resnet gan         # some of them
//     dotnet fsi tests/Pins/quick.fsx -- --from FOLDER      # FOLDER/NAME.txt, printed before with HYBRID_WIDTH=1000, instead of a run
//     dotnet fsi tests/Pins/quick.fsx -- resnet --store     # what it prints now is right
//
// quick-figures.tsv has the SHA-256 of each text, for the vectors and the number of threads (HYBRID_THREADS) that it was made with, as rounding depends
// on them; the folder quick has the texts of the machine that stored last. Exit code 1, with the lines that differ, where a text is another, or where
// nothing was stored for these vectors and threads.
open System
open System.Diagnostics
open System.IO
open System.Runtime.Intrinsics
open System.Security.Cryptography
open System.Text
open System.Text.RegularExpressions

let scripts = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "scripts"))
let table = Path.Combine(__SOURCE_DIRECTORY__, "quick-figures.tsv")
let textOf name = Path.Combine(__SOURCE_DIRECTORY__, "quick", name + ".txt")

/// Scripts that begin with front matter.
let allPages =
    [
        for file in Directory.GetFiles(scripts, "*.fsx") |> Array.sort do
            if (File.ReadAllText file).StartsWith "(**\n---\n" then
                Path.GetFileNameWithoutExtension file
    ]

let vectors =
    if Vector512.IsHardwareAccelerated then "512 bit"
    elif Vector256.IsHardwareAccelerated then "256 bit"
    elif Vector128.IsHardwareAccelerated then "128 bit"
    else "none"

let threads =
    match Environment.GetEnvironmentVariable "HYBRID_THREADS" with
    | null
    | "" -> Environment.ProcessorCount
    | count -> int count

/// Columns of tables that hold times and speeds, or follow from them.
let timedColumn =
    Regex
        @"^(seconds.*|time|ns a number|both ways|GB/s|GF/s.*|.*, GF/s|share of the peak, %|times the step before|equal times at n|flops per byte.*)$"

/// What is measured is a time or a speed, and so is the verdict.
let timedMeasure = Regex @"^(time of|exponent of the time|speed |share of one core's|gain of all cores)"

let amount =
    Regex
        @"[-+]?\d[\d.,]*(e[-+]?\d+)?(?= (s|ms|µs|ns|KB|GB|GB/s|GF/s|cores|tokens/s|target tokens a second|operations a second|times as fast)(?![\w²]))"

/// Lines about the machine, and about where files lie.
let machine = Regex @"^(\d+ bit vectors|peak[,:]|one core reads|all cores read|Full run of|Plot:)|^\s*$"

let left = Regex @"\s+\d+:\d\d left$"

/// The lines of a page without what differs from run to run. Each row of a table is a line here.
let normalized (printed: string) =
    let mutable timed: bool[] = [||]
    let mutable isHeader = false

    let row (line: string) =
        let cells = line.Trim('│').Split('│') |> Array.map _.Trim()

        if isHeader then
            isHeader <- false
            timed <- cells |> Array.map timedColumn.IsMatch

        let isTimed = cells |> Array.exists timedMeasure.IsMatch

        cells
        |> Array.mapi (fun i cell ->
            if timed[i] && not (timedColumn.IsMatch cell) then "#"
            elif isTimed && timedMeasure.IsMatch cell then Regex.Replace(cell, @": [^:]*$", ": #")
            elif isTimed && i = cells.Length - 1 then "#"
            else cell)
        |> String.concat " | "

    let lines =
        [|
            for line in printed.Split('\n') do
                let line = line.TrimEnd()

                if line.StartsWith '╭' then
                    isHeader <- true
                elif line.StartsWith '│' then
                    row line
                elif not (line.StartsWith '├' || line.StartsWith '╰' || machine.IsMatch line) then
                    left.Replace(line, "")
        |]
        |> Array.map (fun line -> amount.Replace(line, "#"))

    // A claim that is settled takes two lines: the verdict, and below it the measure.
    lines
    |> Array.mapi (fun i line ->
        if timedMeasure.IsMatch(line.TrimStart()) && line.StartsWith "  " then
            Regex.Replace(line, ": .*$", ": #")
        elif
            i + 1 < lines.Length
            && lines[i + 1].StartsWith "  "
            && timedMeasure.IsMatch(lines[i + 1].TrimStart())
        then
            Regex.Replace(line, "^(not reproduced|reproduced|partly):", "#:")
        else
            line)

let run name =
    let folder = Directory.CreateTempSubdirectory "hybrid-quick-"

    try
        let arguments = [ "fsi"; $"{name}.fsx"; "--quick"; "--out"; folder.FullName ]

        let start = ProcessStartInfo("dotnet", arguments, WorkingDirectory = scripts, RedirectStandardOutput = true)

        start.Environment["HYBRID_WIDTH"] <- "1000"
        use page = Process.Start start
        let printed = page.StandardOutput.ReadToEnd()
        page.WaitForExit()

        if page.ExitCode <> 0 then
            eprintfn $"{name} ended with exit code {page.ExitCode}."
            exit 1

        printed
    finally
        folder.Delete true

let stored () =
    if File.Exists table then
        [
            for line in File.ReadAllLines table |> Seq.tail do
                let fields = line.Split '\t'
                (fields[0], fields[1], int fields[2]), (int fields[3], fields[4])
        ]
    else
        []

let store name (count: int, hash: string) =
    let key = name, vectors, threads
    let all = (key, (count, hash)) :: List.filter (fst >> (<>) key) (stored ()) |> List.sort

    let lines =
        [
            "page\tvectors\tthreads\tlines\tsha256 of the text"
            for (name, vectors, threads), (count, hash) in all do
                $"{name}\t{vectors}\t{threads}\t{count}\t{hash}"
        ]

    File.WriteAllText(table, String.Join("\n", lines) + "\n")

/// Prints the lines that differ from the stored text.
let tell name (text: string) =
    let now = Path.GetTempFileName()
    File.WriteAllText(now, text)
    let arguments = [ "diff"; "--no-index"; "--unified=0"; textOf name; now ]
    use diff = Process.Start(ProcessStartInfo("git", arguments))
    diff.WaitForExit()
    File.Delete now

let check pages from isStore =
    [
        for name in pages do
            let printed =
                match from with
                | Some folder -> File.ReadAllText(Path.Combine(folder, name + ".txt"))
                | None -> run name

            let lines = normalized printed
            let text = String.Join("\n", lines) + "\n"
            let hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes text))
            let known = stored () |> List.tryFind (fst >> (=) (name, vectors, threads)) |> Option.map snd

            if isStore then
                Directory.CreateDirectory(nonNull (Path.GetDirectoryName(textOf name))) |> ignore
                File.WriteAllText(textOf name, text)
                store name (lines.Length, hash)
                printfn $"stored    {name}, {lines.Length} lines"
                true
            elif known = Some(lines.Length, hash) then
                printfn $"same      {name}, {lines.Length} lines"
                true
            else
                let cause =
                    if known.IsNone then
                        $"nothing was stored for {vectors} vectors and {threads} threads"
                    else
                        "other figures"

                printfn $"DIFFERENT {name}: {cause}"
                tell name text
                false
    ]
    |> List.forall id

let rec read pages from isStore arguments =
    match arguments with
    | "--store" :: rest -> read pages from true rest
    | "--from" :: folder :: rest -> read pages (Some folder) isStore rest
    | name :: rest when List.contains name allPages -> read (pages @ [ name ]) from isStore rest
    | [] -> (if List.isEmpty pages then allPages else pages), from, isStore
    | other :: _ ->
        let known = String.Join(", ", allPages)
        eprintfn $"'{other}' is no page and no option; pages are {known}, options --from FOLDER and --store."
        exit 2

let pages, from, isStore = read [] None false (List.ofArray fsi.CommandLineArgs |> List.tail)
exit (if check pages from isStore then 0 else 1)
