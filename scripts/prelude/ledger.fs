namespace Hybrid.Scripts

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Serialization
open MathNet.Numerics
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics

/// Mean over seeds and the 95 % interval of that mean (Student's t); one seed gives no interval.
type Summary = { Values: float[]; Mean: float; Interval: (float * float) option }

[<RequireQualifiedAccess>]
type Verdict =
    | Reproduced
    | Partly
    | NotReproduced
    /// The claim was written down and then not measured in this run.
    | NotMeasured

/// A claim of the paper, written down before the run that puts it to the test.
type Claim =
    {
        Text: string
        /// The paper's figure and where it stands.
        Paper: string
        /// What is measured here, with its unit.
        Measure: string
        /// What will count as reproduced, in words that say what Verdict computes.
        Threshold: string
        Verdict: Summary -> Verdict
    }

/// The outcome of one exact check.
type CheckOutcome = { Name: string; Measured: float; Bound: float; Passed: bool }

/// One row of the ledger on the site's home page.
type LedgerRow =
    {
        Page: string
        Claim: string
        Paper: string
        Measure: string
        Threshold: string
        Mean: float
        Low: Nullable<float>
        High: Nullable<float>
        Seeds: uint64[]
        Seconds: float
        Verdict: string
        /// True where the interval reaches to means with another verdict.
        Open: bool
        Mode: string
    }

/// How the kept full run of a page stands to the code of today, in a word or two ("fresh", "older order of sums", "stale") and in full.
type FullRun = { Standing: string; Told: string }

/// What a page leaves behind when it has run to its end; the site's build refuses a page without it.
type EndMark =
    {
        Page: string
        Mode: string
        Seed: uint64
        Steps: Nullable<int>
        /// Since the page began.
        Seconds: float
        Passed: bool
        Checks: CheckOutcome[]
        Ledger: LedgerRow[]
        /// None for a page without one.
        FullRun: FullRun option
    }

[<AutoOpen>]
module Ledger =
    let private checks = ResizeArray<CheckOutcome>()
    let private rows = ResizeArray<Claim * LedgerRow>()
    let mutable private fullRun: FullRun option = None

    let private modeName (page: Page) = (string page.Mode).ToLowerInvariant()

    /// A number in .NET's format of that name, such as "F2" or "0.0e+0", with a point in every country.
    let formatted (format: string) (value: float) = value.ToString(format, CultureInfo.InvariantCulture)

    let private scientific = formatted "0.0e+00"

    let private record (outcome: CheckOutcome) told =
        Page.current () |> ignore
        checks.Add outcome
        let mark = if outcome.Passed then "ok" else "FAILED"
        printfn $"%-7s{mark}%-24s{told}%s{outcome.Name}"

    /// An exact check: the error must not exceed the bound. NaN fails. A failed check ends the page with exit code 1.
    let check name (error: float) (bound: float) =
        let outcome = { Name = name; Measured = error; Bound = bound; Passed = abs error <= bound }
        let relation = if outcome.Passed then "<=" else "not <="
        record outcome $"{scientific (abs error)} {relation} {scientific bound}"

    /// An exact check of a fact that either holds or does not.
    let holds name fact =
        record { Name = name; Measured = (if fact then 0.0 else 1.0); Bound = 0.0; Passed = fact } "holds"

    /// "not reproduced" for NotReproduced.
    let verdictInWords (verdict: string) =
        match verdict with
        | "NotReproduced" -> "not reproduced"
        | "NotMeasured" -> "not measured"
        | verdict -> verdict.ToLowerInvariant()

    /// The mean of two values or more, and half the width of its 95 % interval, by Student's t.
    let interval (values: float seq) =
        let values = Array.ofSeq values
        let t = StudentT.InvCDF(0.0, 1.0, float (values.Length - 1), 0.975)
        Statistics.Mean values, t * Statistics.StandardDeviation values / sqrt (float values.Length)

    /// The same in words, "1.24 ± 0.05"; one value alone stands without a margin.
    let plusMinus (format: string) (values: float seq) =
        let text = formatted format

        if Seq.length values < 2 then
            text (Seq.head values)
        else
            let mean, margin = interval values
            $"{text mean} ± {text margin}"

    let private summarize (values: float[]) =
        let around =
            if values.Length < 2 then
                None
            else
                let mean, margin = interval values
                Some(mean - margin, mean + margin)

        { Values = values; Mean = Statistics.Mean values; Interval = around }

    /// A verdict on a mean that should be small: reproduced up to the first limit, partly up to the second.
    let atMost reproduced partly (summary: Summary) =
        if summary.Mean <= reproduced then Verdict.Reproduced
        elif summary.Mean <= partly then Verdict.Partly
        else Verdict.NotReproduced

    /// A verdict on a mean that should be large: reproduced from the first limit on, partly from the second.
    let atLeast reproduced partly (summary: Summary) =
        if summary.Mean >= reproduced then Verdict.Reproduced
        elif summary.Mean >= partly then Verdict.Partly
        else Verdict.NotReproduced

    /// True where the interval reaches to a mean that would have another verdict. Between its ends too, as some claims name a value to be met: where both
    /// ends miss it, and so does the mean, what lies between them may not.
    let private isOpen (claim: Claim) (mean: float) (low: Nullable<float>) (high: Nullable<float>) =
        let verdict mean = claim.Verdict { Values = [||]; Mean = mean; Interval = None }

        low.HasValue
        && not (Double.IsNaN mean)
        && Generate.LinearSpaced(1001, low.Value, high.Value)
           |> Array.exists (fun other -> verdict other <> verdict mean)

    let private row (claim: Claim) (summary: Summary) seeds seconds verdict : LedgerRow =
        let page = Page.current ()
        let low = summary.Interval |> Option.map fst |> Option.toNullable
        let high = summary.Interval |> Option.map snd |> Option.toNullable

        {
            Page = page.Name
            Claim = claim.Text
            Paper = claim.Paper
            Measure = claim.Measure
            Threshold = claim.Threshold
            Mean = summary.Mean
            Low = low
            High = high
            Seeds = seeds
            Seconds = seconds
            Verdict = string<Verdict> verdict
            Open = isOpen claim summary.Mean low high
            Mode = modeName page
        }

    /// Writes a claim down, before the run; settle it after.
    let claim (claim: Claim) =
        let nothing = { Values = [||]; Mean = nan; Interval = None }
        rows.Add((claim, row claim nothing [||] 0.0 Verdict.NotMeasured))
        printfn $"Claim: {claim.Text}\n  threshold: {claim.Threshold} ({claim.Measure})"
        claim

    /// Measured values, one for each seed, and the time they took, decide a claim.
    let settle (claim: Claim) (measured: (uint64 * float) list) (seconds: float) =
        let place = rows.FindIndex(fun (known, _) -> Object.ReferenceEquals(known, claim))

        if place < 0 then
            Host.refuse $"'{claim.Text}' was not written down; pass it to claim before the run."

        if measured.IsEmpty then
            Host.refuse $"'{claim.Text}' needs the value of one seed or more."

        let summary = summarize (measured |> List.map snd |> Array.ofList)
        // A run that diverged has shown nothing, whatever the comparison says of NaN.
        let verdict = if Double.IsNaN summary.Mean then Verdict.NotReproduced else claim.Verdict summary
        let settled = row claim summary (measured |> List.map fst |> Array.ofList) seconds verdict
        rows[place] <- claim, settled

        let interval =
            match summary.Interval with
            | Some(low, high) -> $" [%.4g{low}, %.4g{high}]"
            | None -> ""

        let seeds = if measured.Length = 1 then "1 seed" else $"{measured.Length} seeds"
        let mode = if (Page.current ()).IsQuick then ", quick run" else ""
        let doubt = if settled.Open then "; the interval leaves it open" else ""

        printfn
            $"{verdictInWords (string verdict)}: {claim.Text}\n  {claim.Measure}: %.4g{summary.Mean}{interval}, {seeds}{mode}{doubt}"

    /// The verdict on a row of an earlier run, and whether its interval leaves it open: by the claim of the same words, as figures that were kept
    /// before rows said so do not.
    let verdictOf (kept: LedgerRow) =
        let isLeftOpen =
            rows
            |> Seq.exists (fun (claim, _) -> claim.Text = kept.Claim && isOpen claim kept.Mean kept.Low kept.High)

        verdictInWords kept.Verdict + if isLeftOpen then "; the interval leaves it open" else ""

    /// Notes for the end mark how the kept full run stands.
    let noteFullRun run = fullRun <- Some run

    /// The claims as they stand by now, in the order in which they were written down.
    let settled () = [| for _, row in rows -> row |]

    let private json =
        JsonSerializerOptions(
            WriteIndented = true,
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
        )

    /// Ends the page: writes the ledger and the end mark, lists the plots, and on a terminal exits (1 if a check failed).
    let finish (page: Page) =
        let ledger = settled ()
        let failed = checks |> Seq.filter (fun outcome -> not outcome.Passed) |> List.ofSeq

        let mark =
            {
                Page = page.Name
                Mode = modeName page
                Seed = page.Seed
                Steps = Option.toNullable page.StepsAsked
                Seconds = Page.seconds ()
                Passed = failed.IsEmpty
                Checks = checks.ToArray()
                Ledger = ledger
                FullRun = fullRun
            }

        File.WriteAllText(page.File ".ledger.json", JsonSerializer.Serialize(ledger, json))
        File.WriteAllText(page.File ".end.json", JsonSerializer.Serialize(mark, json))

        Training.forget ()

        if not Host.isSite then
            let runs = if page.IsQuick then " (quick run)" else ""

            table
                [ "claim"; "threshold"; "measured"; "verdict" + runs ]
                [
                    for row in ledger ->
                        [ row.Claim; row.Threshold; $"{row.Measure}: %.4g{row.Mean}"; verdictInWords row.Verdict ]
                ]
            |> ignore

            printfn $"\n{checks.Count - failed.Length} of {checks.Count} exact checks hold."

            for outcome in failed do
                eprintfn $"FAILED {outcome.Name}: {abs outcome.Measured} exceeds {outcome.Bound}"

            Figures.list page

            if Host.isTerminal then
                exit (if failed.IsEmpty then 0 else 1)
