namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text.Json
open System.Text.Json.Serialization
open Hybrid.Kernels

/// What a full run begins with, taken before it: the commit and the hash of its data. What is edited while it goes on is not what ran.
type Fingerprint = { Commit: string; Data: string }

/// The figures of a full run, which takes too long to be run at each reading, as they lie in a file: what they are, and where they come from.
type KeptFile<'Row> =
    {
        Commit: string
        Date: string
        Machine: string
        Seconds: float
        /// The hash of its data.
        Data: string
        /// The claims, as that run settled them.
        Ledger: LedgerRow[]
        Rows: 'Row[]
    }

/// The figures of the last full run, and how they stand to the code of today.
type Kept<'Row> =
    {
        Ledger: LedgerRow[]
        Rows: 'Row[]
        /// None where that cannot be told, as on the reader's own data.
        Standing: Standing option
        /// Where the figures come from, how they stand, and what to do where they are not fresh.
        Told: string
    }

/// Figures of full runs, kept in scripts/results: NAME.json has them, NAME.first.tsv the losses with which the runs behind them began. Whether they
/// still stand is seen by beginning these runs again (see replay.fsx). A page gives the runs, each under a name and as a function of the page as it is in
/// a full run; all that they need of the mode they take from there.
[<RequireQualifiedAccess>]
module Results =
    let private path (page: Page) suffix = Path.Combine(Host.root, "scripts", "results", page.Name + suffix)

    let private options =
        JsonSerializerOptions(
            WriteIndented = true,
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
        )

    let private hash (data: string list) =
        use all = IncrementalHash.CreateHash HashAlgorithmName.SHA256

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

    /// What a full run of now begins with; data are files in scripts/data.
    let fingerprint data = { Commit = commit (); Data = hash data }

    /// The page as it is in the full run that is kept.
    let private full (page: Page) = { page with Mode = Mode.Full; Seed = 1UL; StepsAsked = None; Corpus = None }

    /// True in a full run whose figures the page will show. One of another length or seed, or on other data, is not the one that it tells of.
    let areToBeKept page = page = full page && not Host.isSite

    let private begun page (runs: (string * (Page -> History)) list) =
        Replay.repeat [ for name, train in runs -> name, (fun () -> train (full page)) ]

    let private counted count thing = if count = 1 then $"1 {thing}" else $"{count} {thing}s"

    /// Keeps the rows of a full run, the claims as they are settled by now, and how the runs behind them begin. A run that was resumed is older than its
    /// process: it took the seconds of its training at least.
    let keep page (fingerprint: Fingerprint) runs trainingSeconds (rows: 'Row[]) =
        let cores, threads = counted Environment.ProcessorCount "core", counted Workers.Count "thread"
        let alive = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds

        let kept: KeptFile<'Row> =
            {
                Commit = fingerprint.Commit
                Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
                Machine = $"{cores}, {threads}, {Instructions.Path} vectors, {RuntimeInformation.FrameworkDescription}"
                Seconds = max alive trainingSeconds
                Data = fingerprint.Data
                Ledger = settled ()
                Rows = rows
            }

        Replay.write (path page ".first.tsv") (begun page runs)
        File.WriteAllText(path page ".json", JsonSerializer.Serialize(kept, options) + "\n")

    let private compare (page: Page) (kept: KeptFile<'Row>) (fingerprint: Fingerprint) runs =
        let again = $"dotnet fsi scripts/{page.Name}.fsx -- --full (%.0f{kept.Seconds / 60.0} minutes)"

        if kept.Data <> fingerprint.Data then
            Replay.stale "the data files are not those of that run" again
        else
            let remedy = $"check it out again, or make the figures anew: {again}"
            let stored = Replay.read (path page ".first.tsv") remedy
            Replay.compare stored (begun page runs) again

    let private read<'Row> page =
        let file = path page ".json"

        try
            nonNull (JsonSerializer.Deserialize<KeptFile<'Row>>(File.ReadAllText file, options))
        with :? JsonException as error ->
            Host.refuse $"{file} cannot be read: {error.Message} Check it out again."

    /// The figures of the last full run, if there was one, and how they stand to the code of today, which the end mark says too. On data of the reader's
    /// the runs behind them cannot be repeated.
    let kept<'Row> page (fingerprint: Fingerprint) runs : Kept<'Row> option =
        if not (File.Exists(path page ".json")) then
            None
        else
            let file = read<'Row> page

            let standing, told =
                if page.Corpus.IsSome then
                    None, "Not compared with today's code, as this run reads other data."
                else
                    let standing, told = compare page file fingerprint runs
                    noteFullRun { FullRun.Standing = standing.InWords; Told = told }
                    Some standing, told

            let origin =
                $"Full run of {file.Date}, commit {file.Commit}, {file.Machine}, %.0f{file.Seconds / 60.0} minutes."

            Some { Ledger = file.Ledger; Rows = file.Rows; Standing = standing; Told = $"{origin} {told}" }

    /// Prints where the figures come from, and how they stand.
    let tell (kept: Kept<'Row> option) =
        printfn "%s" (kept |> Option.map _.Told |> Option.defaultValue "There is none yet.")

    let private measured (row: LedgerRow) =
        let interval = if row.Low.HasValue then $" [%.3g{row.Low.Value}, %.3g{row.High.Value}]" else ""

        $"{row.Measure}: %.4g{row.Mean}{interval}"

    /// The claims of the last full run as a table, with intervals where there were several seeds; a line that says so where there was none. Verdicts
    /// that are not of today's code say so.
    let claims (kept: Kept<'Row> option) =
        match kept with
        | None -> table [ "full run" ] [ [ "There is none yet." ] ]
        | Some kept ->
            let standing =
                match kept.Standing with
                | Some(Standing.OlderOrder | Standing.Stale as standing) -> $" ({standing.InWords})"
                | Some Standing.Fresh
                | None -> ""

            table
                [ "claim"; "threshold"; "measured"; "verdict" + standing ]
                [ for row in kept.Ledger -> [ row.Claim; row.Threshold; measured row; verdictOf row ] ]
