namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text.Json
open Hybrid.Kernels

/// The figures of a full run, which takes too long to be run at each reading: what they are, and where they come from.
type Kept<'Row> =
    {
        Commit: string
        Date: string
        Machine: string
        Seconds: float
        /// Of all that the figures depend on, as it was then.
        Hash: string
        Rows: 'Row[]
    }

/// Figures of full runs, kept in scripts/results.
[<RequireQualifiedAccess>]
module Results =
    let private file (page: Page) = Path.Combine(Host.root, "scripts", "results", page.Name + ".json")

    let private options =
        JsonSerializerOptions(WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase)

    /// The page's own text, the shared training loop, all rules, layers, models and optimizers, and the data.
    let private hash (page: Page) (data: string list) =
        let sources folder =
            Directory.GetFiles(Path.Combine(Host.root, "core", folder), "*.cs") |> Array.sort |> List.ofArray

        let files =
            [
                Path.Combine(Host.root, "scripts", page.Name + ".fsx")
                Path.Combine(Host.root, "scripts", "prelude", "sequences.fsx")
                Path.Combine(Host.root, "scripts", "prelude", "pronunciations.fsx")
                yield! List.collect sources [ "Rules"; "Layers"; "Models"; "Optimizers" ]
                yield! List.map dataFile data
            ]

        use all = IncrementalHash.CreateHash HashAlgorithmName.SHA256

        for file in files do
            let content = File.ReadAllBytes file
            // Line ends differ between checkouts.
            all.AppendData(if file.EndsWith ".gz" then content else Array.filter ((<>) (byte '\r')) content)

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

    /// Keeps the rows of a full run.
    let keep page data seconds (rows: 'Row[]) =
        let kept =
            {
                Commit = commit ()
                Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
                Machine =
                    $"{Environment.ProcessorCount} cores, {Instructions.Path} vectors, {RuntimeInformation.FrameworkDescription}"
                Seconds = seconds
                Hash = hash page data
                Rows = rows
            }

        File.WriteAllText(file page, JsonSerializer.Serialize(kept, options) + "\n")

    /// The rows of the last full run, if there was one, and a line that says where they come from, and whether they are stale: whether anything that
    /// they depend on has changed since.
    let kept<'Row> page data : (Kept<'Row> * string) option =
        if not (File.Exists(file page)) then
            None
        else
            let kept = nonNull (JsonSerializer.Deserialize<Kept<'Row>>(File.ReadAllText(file page), options))

            let stale =
                if kept.Hash = hash page data then
                    ""
                else
                    " STALE: the page, the core or the data has changed since."

            Some(
                kept,
                $"Full run of {kept.Date}, commit {kept.Commit}, {kept.Machine}, %.0f{kept.Seconds / 60.0} minutes.{stale}"
            )
