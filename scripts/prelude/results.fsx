namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.Json.Serialization
open System.Text.RegularExpressions
open Hybrid.Kernels

/// What the figures of a full run depend on, taken before the run: what is edited while it goes on is not what ran.
type Fingerprint = { Commit: string; Hash: string }

/// The figures of a full run, which takes too long to be run at each reading: what they are, and where they come from.
type Kept<'Row> =
    {
        Commit: string
        Date: string
        Machine: string
        Seconds: float
        /// Of all that the figures depend on, as it was then.
        Hash: string
        /// The claims, as that run settled them.
        Ledger: LedgerRow[]
        Rows: 'Row[]
    }

/// Figures of full runs, kept in scripts/results.
[<RequireQualifiedAccess>]
module Results =
    let private file (page: Page) = Path.Combine(Host.root, "scripts", "results", page.Name + ".json")

    let private options =
        JsonSerializerOptions(
            WriteIndented = true,
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
        )

    /// The code of a script without its notes and captions, without the shape of its white space and without the numbers for quick runs: a sentence
    /// that is mended, a line that is broken elsewhere, or fewer steps in a quick run make no figure stale.
    let private code (file: string) =
        let withoutNotes = Regex.Replace(File.ReadAllText file, @"\(\*\*.*?\*\)", "", RegexOptions.Singleline)
        let withoutQuick = Regex.Replace(withoutNotes, @"\bquick = (?:[\d.]+|\([\d., ]+\))", "quick")
        let onOneLine = Regex.Replace(withoutQuick, @"\s+", " ")
        Regex.Replace(onOneLine, @"(\|> figure ""[\w-]+"") \$?""(?:[^""\\]|\\.)*""", "$1")

    /// Every file of rules, layers, models and optimizers whose type these texts name, or that such a file names in turn: a rule that the page never
    /// meets may change without making its figures stale.
    let private namedBy (texts: string list) =
        let candidates =
            [ "Rules"; "Layers"; "Models"; "Optimizers" ]
            |> List.collect (fun folder ->
                Directory.GetFiles(Path.Combine(Host.root, "core", folder), "*.cs", SearchOption.AllDirectories)
                |> List.ofArray)

        // What .NET's own mathematics is called, such as MathF.Tanh, names no file of ours.
        let words (text: string) = set (Regex.Split(Regex.Replace(text, @"\bMathF?\.\w+", ""), @"\W+"))

        let rec follow found words' =
            let isNamed (file: string) = Set.contains (Path.GetFileNameWithoutExtension file) words'

            match List.filter (fun file -> isNamed file && not (Set.contains file found)) candidates with
            | [] -> found
            | fresh ->
                follow (Set.union found (set fresh)) (fresh |> List.map (File.ReadAllText >> words) |> Set.unionMany)

        follow Set.empty (texts |> List.map words |> Set.unionMany)
        |> List.ofSeq
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

    /// The code of the page and of the shared training loop, the parts of the core that they name, and the data.
    let private hash (page: Page) (data: string list) =
        let scripts =
            [ page.Name; "prelude/sequences"; "prelude/pronunciations" ]
            |> List.map (fun name -> code (Path.Combine(Host.root, "scripts", name + ".fsx")))

        use all = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        let append (text: string) = all.AppendData(Encoding.UTF8.GetBytes text)

        for script in scripts do
            append script

        for file in namedBy scripts do
            append (File.ReadAllText(file).ReplaceLineEndings "\n")

        for file in data do
            all.AppendData(File.ReadAllBytes(dataFile file))

        Convert.ToHexStringLower(all.GetHashAndReset())

    let private commit () =
        try
            let start =
                ProcessStartInfo(
                    "git",
                    "rev-parse --short HEAD",
                    WorkingDirectory = Host.root,
                    RedirectStandardOutput = true
                )

            use run = nonNull (Process.Start start)
            let said = run.StandardOutput.ReadToEnd().Trim()
            run.WaitForExit()
            if run.ExitCode = 0 then said else "unknown"
        with :? ComponentModel.Win32Exception ->
            "unknown"

    /// What the figures of this page depend on, as it is now; data are files in scripts/data.
    let fingerprint page data = { Commit = commit (); Hash = hash page data }

    let private counted count thing = if count = 1 then $"1 {thing}" else $"{count} {thing}s"

    /// Keeps the rows of a full run, and the claims as they are settled by now. A run that was resumed is older than its process: it took the seconds
    /// of its training at least.
    let keep page (fingerprint: Fingerprint) trainingSeconds (rows: 'Row[]) =
        let cores, threads = counted Environment.ProcessorCount "core", counted Workers.Count "thread"
        let alive = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds

        let kept =
            {
                Commit = fingerprint.Commit
                Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
                Machine = $"{cores}, {threads}, {Instructions.Path} vectors, {RuntimeInformation.FrameworkDescription}"
                Seconds = max alive trainingSeconds
                Hash = fingerprint.Hash
                Ledger = settled ()
                Rows = rows
            }

        File.WriteAllText(file page, JsonSerializer.Serialize(kept, options) + "\n")

    /// The rows of the last full run, if there was one, and a line that says where they come from, and whether they are stale: whether anything that
    /// they depend on has changed since.
    let kept<'Row> page (fingerprint: Fingerprint) : (Kept<'Row> * string) option =
        if not (File.Exists(file page)) then
            None
        else
            let kept = nonNull (JsonSerializer.Deserialize<Kept<'Row>>(File.ReadAllText(file page), options))

            let stale =
                if kept.Hash = fingerprint.Hash then
                    ""
                else
                    " STALE: the page, the core or the data has changed since."

            Some(
                kept,
                $"Full run of {kept.Date}, commit {kept.Commit}, {kept.Machine}, %.0f{kept.Seconds / 60.0} minutes.{stale}"
            )

    let private measured (row: LedgerRow) =
        let interval = if row.Low.HasValue then $" [%.3g{row.Low.Value}, %.3g{row.High.Value}]" else ""

        $"{row.Measure}: %.4g{row.Mean}{interval}"

    /// The claims of the last full run as a table, with intervals where there were several seeds; a line that says so where there was none.
    let claims<'Row> page fingerprint =
        match kept<'Row> page fingerprint with
        | None -> table [ "full run" ] [ [ "There is none yet." ] ]
        | Some(kept, _) ->
            table
                [ "claim"; "threshold"; "measured"; "verdict" ]
                [ for row in kept.Ledger -> [ row.Claim; row.Threshold; measured row; verdictOf row ] ]

    /// Steps of a kept run that are repeated to see whether it would come out the same today.
    let private repeatedSteps = 20

    let private beginnings (page: Page) = Path.Combine(Host.root, "scripts", "results", page.Name + ".first.tsv")

    /// The losses with which kept runs began, by vectors, number of threads and name of the run: rounding, and so the last bits, depends on the first two.
    let private known page =
        if File.Exists(beginnings page) then
            [
                for line in File.ReadAllLines(beginnings page) |> Seq.tail do
                    let fields = line.Split '\t'

                    let losses =
                        fields[3].Split ' ' |> Array.map (fun text -> Double.Parse(text, CultureInfo.InvariantCulture))

                    (fields[0], int fields[1], fields[2]), losses
            ]
        else
            []

    /// Repeats the first steps of kept runs, each under its name; gives their losses, and those of the same vectors and number of threads that were
    /// stored, if any were.
    let repeatBeginnings page (runs: (string * (unit -> History)) list) =
        let known = dict (known page)

        [
            for name, train in runs ->
                let history = Training.beginning repeatedSteps train
                let key = Instructions.Path, Workers.Count, name
                let stored = if known.ContainsKey key then Some known[key] else None
                name, Array.map snd history.Training, stored
        ]

    /// Stores the losses with which runs began beside the figures of the full run. What is there stays: it is from when the run was fresh.
    let keepBeginnings page (fresh: (string * float[]) list) =
        let all = known page @ [ for name, losses in fresh -> (Instructions.Path, Workers.Count, name), losses ]

        let lines =
            [
                "vectors\tthreads\trun\tlosses of the first steps"
                for (vectors, threads, name), losses in List.distinctBy fst all do
                    let numbers = losses |> Array.map _.ToString("R", CultureInfo.InvariantCulture)
                    $"{vectors}\t{threads}\t{name}\t" + String.Join(" ", numbers)
            ]

        File.WriteAllText(beginnings page, String.Join("\n", lines) + "\n")
