namespace Hybrid.Docs

open System
open System.Globalization
open System.IO
open System.Text.Json
open AngleSharp.Dom

/// The two tables of the home page, which are made from the pages: the papers, and the ledger of claims.
[<RequireQualifiedAccess>]
module Home =
    let papers (pages: SourcePage list) =
        if pages.IsEmpty then
            "<p>No page has been written yet.</p>"
        else
            pages
            |> List.sortBy (fun page -> page.Field "year", page.Field "title")
            |> List.map (fun page ->
                let field key = Tables.encode (page.Field key)
                let link = "<a href=\"" + page.Name + ".html\">" + field "title" + "</a>"
                [ field "year"; link + "<p class=\"aside\">" + field "description" + "</p>"; field "keywords" ])
            |> Tables.table "papers" [ "Year"; "Paper and page"; "Key concepts" ]

    let private number (element: JsonElement) =
        match element.ValueKind with
        | JsonValueKind.Number -> element.GetDouble().ToString("G4", CultureInfo.InvariantCulture)
        | _ -> "none"

    let private row (claim: JsonElement) =
        let text (key: string) = Tables.encode (claim.GetProperty(key).ToString())
        let seeds = claim.GetProperty("seeds").GetArrayLength()

        let words, kind =
            match claim.GetProperty("verdict").GetString() with
            | "Reproduced" -> "reproduced", "good"
            | "Partly" -> "partly", "fair"
            | "NotReproduced" -> "not reproduced", "bad"
            | _ -> "not measured", "none"

        let interval =
            if claim.GetProperty("low").ValueKind = JsonValueKind.Null then
                ""
            else
                let low, high = number (claim.GetProperty "low"), number (claim.GetProperty "high")
                $" [{low}, {high}]"

        let ours =
            if seeds = 0 then
                "not measured"
            else
                let mean, measure = number (claim.GetProperty "mean"), text "measure"
                let plural = if seeds = 1 then "seed" else "seeds"
                $"{mean}{interval}<p class=\"aside\">{measure}; {seeds} {plural}</p>"

        let mode =
            match claim.GetProperty("mode").GetString() with
            | "standard" -> ""
            | mode -> $"<p class=\"aside\">{mode} run</p>"

        let page = text "page"

        [
            $"<a href=\"{page}.html\">{page}</a>"
            text "claim"
            text "paper"
            text "threshold"
            ours
            claim.GetProperty("seconds").GetDouble().ToString("0.#", CultureInfo.InvariantCulture)
            Tables.verdict kind words + mode
        ]

    let ledger (results: string list) =
        let claims =
            [
                for folder in results do
                    for file in Directory.GetFiles(folder, "*.ledger.json") do
                        use document = JsonDocument.Parse(File.ReadAllText file)

                        for claim in document.RootElement.EnumerateArray() do
                            claim.Clone()
            ]

        if claims.IsEmpty then
            "<p>No page has stated a claim yet.</p>"
        else
            let count verdict =
                claims
                |> List.filter (fun claim -> claim.GetProperty("verdict").GetString() = verdict)
                |> List.length

            let plural = if claims.Length = 1 then "claim" else "claims"

            let reproduced, partly = count "Reproduced", count "Partly"
            let failed, open' = count "NotReproduced", count "NotMeasured"

            $"<p>{claims.Length} {plural}: {reproduced} reproduced, {partly} partly, "
            + $"{failed} not reproduced, {open'} not measured.</p>\n"
            + Tables.table
                "ledger"
                [ "Page"; "Claim"; "The paper's figure"; "Threshold"; "Ours, mean [95\u00a0%]"; "Seconds"; "Verdict" ]
                (List.map row claims)

    /// Puts both tables where docs/index.md asks for them.
    let fill pages results (document: IDocument) =
        for id, html in [ "papers", papers pages; "ledger", ledger results ] do
            match document.GetElementById id with
            | null -> failwith $"docs/index.md has no <div id=\"{id}\"></div> to put the table into."
            | place -> place.InnerHtml <- html
