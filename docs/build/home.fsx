namespace Hybrid.Docs

open System.IO
open AngleSharp.Dom

/// The home page, which is made from what the pages say about themselves: figures, path, papers and ledger.
[<RequireQualifiedAccess>]
module Home =
    /// The time of this build's run as the page measured it, and that of a default run as the page states it.
    let private time (report: Report) =
        let stated =
            match report.Page.Field "time" with
            | "" -> ""
            | time -> $"<p class=\"aside\">{Tables.encode time} by default, as stated</p>"

        match report.Seconds with
        | Some seconds ->
            let mode = if report.Mode = "standard" then "default" else report.Mode
            $"{Tables.duration seconds}<p class=\"aside\">{Tables.encode mode} run, measured</p>{stated}"
        | None -> stated

    let private papers (reports: Report list) =
        let headers = [ "Year"; "Paper and page"; "Key concepts"; "Time to run"; "Claims" ]

        let row (report: Report) =
            let field key = Tables.encode (report.Page.Field key)
            let title = field "title"
            let link = $"<a class=\"title\" href=\"{report.Page.Name}.html\">{title}</a>"

            let counts =
                if report.Mode = "" then "not evaluated in this build"
                elif report.Claims.IsEmpty then "none"
                else Ledger.counts report

            let description = field "description"
            [ field "year"; $"{link}<p class=\"aside\">{description}</p>"; field "keywords"; time report; counts ]

        reports
        |> List.sortBy (fun report -> report.Page.Field "year", report.Page.Field "title")
        |> List.map row
        |> Tables.cards "papers" headers

    let private figures root (reports: Report list) =
        let claims = reports |> List.collect _.Claims
        let reproduced = Ledger.count "Reproduced" claims
        let checks = reports |> List.sumBy _.Checks
        let parity = Path.Combine(root, "scripts", "results", "parity.json")
        let remedy = "run dotnet fsi tests/Parity/run.fsx -- --store"

        let tile value words address = $"<li><a href=\"{address}\"><strong>{value}</strong> {words}</a></li>"

        Stored.read root parity remedy (fun file -> (Stored.items "rows" file).Length)
        |> Result.map (fun subjects ->
            [
                tile (string reports.Length) "pages, each a script that you can run" "#Papers"
                tile
                    (string claims.Length)
                    $"claims put to the test, {reproduced} of them reproduced in this build"
                    "#Ledger"
                tile
                    (string checks)
                    "exact checks hold, or there would be no site"
                    "how-to-read-a-page.html#What-the-parts-mean"
                tile (string subjects) "comparisons with PyTorch, equal up to rounding" "agreement.html"
            ]
            |> String.concat ""
            |> fun tiles -> $"<ul>{tiles}</ul>")

    /// Fills docs/index.md with what the pages said about themselves.
    let fill root (reports: Report list) (document: IDocument) =
        match Path.complaints [ for report in reports -> report.Page ], figures root reports with
        | [], Ok figures ->
            Tables.useStyle document
            let script = document.CreateElement "script"
            script.SetAttribute("src", "content/ledger.js")
            document.Body.Append script

            [
                yield! Tables.put "index" "figures" figures document
                yield! Tables.put "index" "path" (Path.figure reports) document
                yield! Tables.put "index" "papers" (papers reports) document
                yield! Tables.put "index" "ledger" (Ledger.table reports) document
            ]
        | complaints, Ok _ -> complaints
        | complaints, Error complaint -> complaint :: complaints
