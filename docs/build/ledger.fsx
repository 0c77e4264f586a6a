namespace Hybrid.Docs

open System.IO
open System.Text.Json

/// A claim as a page has settled it.
type ClaimRow =
    {
        /// The place of the claim on its page, from 1.
        Number: int
        Claim: string
        Paper: string
        Measure: string
        Threshold: string
        Mean: float option
        Interval: (float * float) option
        Seeds: int
        Seconds: float
        Verdict: string
        /// The interval reaches to means with another verdict.
        IsOpen: bool
        Mode: string
    }

/// What a page has said about its run; nothing, if this build did not evaluate it.
type Report =
    {
        Page: SourcePage
        /// Empty if the page was not evaluated.
        Mode: string
        Checks: int
        /// None if the page was not evaluated.
        Seconds: float option
        Claims: ClaimRow list
        /// How the page's kept full run stands to today's code, as "fresh", and what it says of that; None if it has none.
        FullRun: (string * string) option
    }

/// The claims of all pages, as one table.
[<RequireQualifiedAccess>]
module Ledger =
    /// What a verdict is called in the pages' JSON, in style sheets and in words; failures stand first.
    let verdicts =
        [
            "NotReproduced", "bad", "not reproduced"
            "Partly", "fair", "partly"
            "Reproduced", "good", "reproduced"
            "NotMeasured", "none", "not measured"
        ]

    /// What style sheets and readers call a verdict.
    let kindOf verdict =
        match verdicts |> List.tryFind (fun (name, _, _) -> name = verdict) with
        | Some(_, kind, words) -> kind, words
        | None -> raise (System.FormatException $"the verdict '{verdict}' is none")

    let private claim index (row: JsonElement) =
        let text key = Stored.text key row
        let number key = Stored.number key row
        kindOf (text "verdict") |> ignore

        {
            Number = index + 1
            Claim = text "claim"
            Paper = text "paper"
            Measure = text "measure"
            Threshold = text "threshold"
            Mean = number "mean"
            Interval = Option.map2 (fun low high -> low, high) (number "low") (number "high")
            Seeds = (Stored.items "seeds" row).Length
            Seconds = number "seconds" |> Option.defaultValue 0.0
            Verdict = text "verdict"
            IsOpen = (Stored.get "open" row).GetBoolean()
            Mode = text "mode"
        }

    /// How kept full runs stand, by the words of the pages, and the style of each.
    let private standings = Map [ "fresh", "good"; "older order of sums", "fair"; "stale", "bad" ]

    let private fullRun (run: JsonElement) =
        let standing = Stored.text "standing" run

        if not (standings.ContainsKey standing) then
            raise (System.FormatException $"a full run stands in no way called '{standing}'")

        standing, Stored.text "told" run

    /// What the page's end mark says, in the folder of its results; None stands for a page that this build did not evaluate.
    let report root (page: SourcePage) (results: string option) =
        match results with
        | None -> Ok { Page = page; Mode = ""; Checks = 0; Seconds = None; Claims = []; FullRun = None }
        | Some results ->
            let remedy =
                $"evaluate the page again: delete that folder, then dotnet fsi docs/build.fsx -- --page {page.Name}"

            Stored.read root (Path.Combine(results, page.Name + ".end.json")) remedy (fun mark ->
                {
                    Page = page
                    Mode = Stored.text "mode" mark
                    Checks = (Stored.items "checks" mark).Length
                    Seconds = Stored.number "seconds" mark
                    Claims = Stored.items "ledger" mark |> List.mapi claim
                    FullRun = Stored.part "fullRun" mark |> Option.map fullRun
                })

    let count verdict (claims: ClaimRow list) =
        claims |> List.filter (fun claim -> claim.Verdict = verdict) |> List.length

    /// The verdicts that occur, in the order of the list above.
    let private occurring (claims: ClaimRow list) = verdicts |> List.filter (fun (name, _, _) -> count name claims > 0)

    let inWords claims =
        match
            [
                for name, _, words in occurring claims do
                    $"{count name claims} {words}"
            ]
        with
        | [] -> "no claims"
        | parts -> String.concat ", " parts

    /// The shares of the verdicts, as a bar.
    let bar claims =
        let part (name, kind, _) = $"<span class=\"{kind}\" style=\"flex-grow:{count name claims}\"></span>"
        let parts = occurring claims |> List.map part |> String.concat ""
        $"<span class=\"bar\" role=\"img\" aria-label=\"{inWords claims}\">{parts}</span>"

    let rowId (page: SourcePage) (claim: ClaimRow) = $"claim-{page.Name}-{claim.Number}"

    /// How often each verdict occurs on a page, each count a link to the first such row.
    let counts (report: Report) =
        [
            for name, kind, words in occurring report.Claims do
                let first = report.Claims |> List.find (fun claim -> claim.Verdict = name)

                $"<li><a href=\"#{rowId report.Page first}\" data-page=\"{report.Page.Name}\" data-verdict=\"{kind}\">"
                + $"<span class=\"dot {kind}\"></span>{count name report.Claims} {words}</a></li>"
        ]
        |> String.concat ""
        |> fun items -> $"{bar report.Claims}<ul class=\"counts\">{items}</ul>"

    let private headers = [ "Verdict"; "Claim"; "The paper's figure"; "Our threshold"; "Ours"; "Time" ]

    let private row (page: SourcePage) (claim: ClaimRow) =
        let kind, words = kindOf claim.Verdict
        let aside text = $"<p class=\"aside\">{text}</p>"
        let figure = Tables.figure 4

        let interval =
            match claim.Interval with
            | Some(low, high) -> $" <span class=\"interval\">[{figure low}, {figure high}]</span>"
            | None -> ""

        let ours =
            match claim.Mean with
            | Some mean when claim.Seeds > 0 ->
                let seeds = Tables.count claim.Seeds "seed" "seeds"
                $"<strong>{figure mean}</strong>{interval}" + aside $"{Tables.encode claim.Measure}; {seeds}"
            | _ -> "not measured" + aside (Tables.encode claim.Measure)

        let mode = if claim.Mode = "standard" then "" else aside $"{Tables.encode claim.Mode} run"
        let doubt = if claim.IsOpen then aside "the interval leaves it open" else ""
        // The step below gives this id to the place where the page settles the claim.
        let place = $"{page.Name}.html#claim-{claim.Number}"

        Tables.cardRow
            $" id=\"{rowId page claim}\" data-page=\"{page.Name}\" data-verdict=\"{kind}\""
            headers
            [
                Tables.verdict kind words + doubt + mode
                $"<a href=\"{place}\">{Tables.encode claim.Claim}</a>"
                Tables.encode claim.Paper
                Tables.encode claim.Threshold
                ours
                (if claim.Seeds = 0 then "" else Tables.duration claim.Seconds)
            ]

    let private group (report: Report) =
        let title = Tables.encode (report.Page.Field "title")
        let rows = report.Claims |> List.map (row report.Page) |> String.concat "\n"

        let fullRun =
            match report.FullRun with
            | None -> ""
            | Some(standing, told) ->
                $"<p class=\"aside\"><span class=\"dot {standings[standing]}\"></span>"
                + $"<a href=\"{report.Page.Name}.html#The-full-run\">Full run</a>: {Tables.encode told}</p>"

        $"<tbody role=\"rowgroup\"><tr class=\"page\" role=\"row\"><th role=\"rowheader\" scope=\"rowgroup\" colspan=\"6\">"
        + $"<a href=\"{report.Page.Name}.html\">{title}</a> {bar report.Claims}{fullRun}</th></tr>\n{rows}</tbody>"

    let private filters (reports: Report list) =
        let claims = reports |> List.collect _.Claims

        let button attribute value label =
            let pressed = if value = "" then "true" else "false"
            $"<button type=\"button\" aria-pressed=\"{pressed}\" data-{attribute}=\"{value}\">{label}</button>"

        let verdictButtons =
            [
                button "verdict" "" $"all {claims.Length}"
                for name, kind, words in occurring claims do
                    button "verdict" kind $"<span class=\"dot {kind}\"></span>{count name claims} {words}"
            ]

        let pageButtons =
            [
                button "page" "" "all pages"
                for report in reports do
                    button "page" report.Page.Name $"{report.Page.Name} {report.Claims.Length}"
            ]

        let group label buttons =
            let buttons = String.concat "" buttons
            $"<div class=\"filter\" role=\"group\" aria-label=\"{label}\"><span>{label}</span>{buttons}</div>"

        bar claims
        + "<div id=\"ledger-filters\">"
        + group "Verdict" verdictButtons
        + group "Page" pageButtons
        + "</div>"
        + "<p id=\"ledger-status\" class=\"aside\" role=\"status\"></p>"

    /// All claims, and buttons that choose among them; nothing is hidden until a reader asks for it.
    let table (reports: Report list) =
        let reports = reports |> List.filter (fun report -> not report.Claims.IsEmpty)

        if reports.IsEmpty then
            "<p>No page has stated a claim yet.</p>"
        else
            let groups = reports |> List.map group |> String.concat "\n"

            filters reports
            + $"<table class=\"cards ledger\" role=\"table\">{Tables.cardHead headers}\n{groups}</table>"
