namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.Globalization

/// The pages in the order in which they build on each other: a drawing, and the same as a nested list where it has no room.
[<RequireQualifiedAccess>]
module Path =
    let private needs (page: SourcePage) =
        (page.Field "needs").Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray
        |> List.distinct

    /// What is wrong with the field "needs" of the pages.
    let complaints (pages: SourcePage list) =
        let known = Map [ for page in pages -> page.Name, page ]

        let rec comesBack seen (page: SourcePage) =
            List.contains page.Name seen
            || needs page |> List.choose known.TryFind |> List.exists (comesBack (page.Name :: seen))

        [
            for page in pages do
                for name in needs page do
                    if not (known.ContainsKey name) then
                        $"scripts/{page.Name}.fsx needs '{name}', which is no page; in \"needs:\" name scripts, without .fsx."

                if comesBack [] page then
                    $"scripts/{page.Name}.fsx needs a page that needs it in turn; take one of them out of \"needs:\"."
        ]

    /// A page in the drawing.
    type private Stop =
        {
            Report: Report
            /// The pages right before it: those that no other page before it needs in turn.
            Before: Report list
            Column: int
        }

        member stop.Name = stop.Report.Page.Name
        member stop.Title = stop.Report.Page.Field "title"

    let private stops (reports: Report list) =
        let known = Map [ for report in reports -> report.Page.Name, report ]

        let rec all (page: SourcePage) =
            Set.unionMany
                [
                    for name in needs page do
                        Set.singleton name
                        all known[name].Page
                ]

        let rec column page = List.max (-1 :: [ for name in needs page -> column known[name].Page ]) + 1

        [
            for report in reports do
                let names = needs report.Page
                let implied = names |> List.map (fun name -> all known[name].Page) |> Set.unionMany
                let direct = names |> List.filter (implied.Contains >> not) |> List.map (fun name -> known[name])
                { Report = report; Before = direct; Column = column report.Page }
        ]

    /// The page before this one along whose line it is drawn: the one that comes last.
    let private parent (all: Stop list) (stop: Stop) =
        all
        |> List.filter (fun other -> stop.Before |> List.exists (fun before -> before.Page.Name = other.Name))
        |> List.sortByDescending _.Column
        |> List.tryHead

    /// The pages on the line of this one, or those that start a line; the one that leads furthest first.
    let rec private next (all: Stop list) (stop: Stop option) =
        let rec reach (stop: Stop) = List.max (stop.Column :: List.map reach (next all (Some stop)))
        let name = stop |> Option.map _.Name

        all
        |> List.filter (fun other -> (parent all other |> Option.map _.Name) = name)
        |> List.sortBy (fun other -> -(reach other))

    let private width, private height, private across, private down = 214.0, 104.0, 56.0, 24.0

    /// The upper left corner of each page: the first page after another stands beside it, the others below.
    let private places (all: Stop list) =
        let free = Dictionary<int, int>()
        let corners = Dictionary<string, float * float>()

        let rec place row (stop: Stop) =
            let row = max row (free.GetValueOrDefault stop.Column)
            free[stop.Column] <- row + 1
            corners[stop.Name] <- (float stop.Column * (width + across), float row * (height + down))
            List.iter (place row) (next all (Some stop))

        List.iter (place 0) (next all None)
        corners

    /// Lines of so many letters at most, broken between words.
    let private wrap letters (text: string) =
        ([], text.Split ' ')
        ||> Array.fold (fun lines word ->
            match lines with
            | (line: string) :: rest when line.Length + word.Length < letters -> $"{line} {word}" :: rest
            | lines -> word :: lines)
        |> List.rev

    let private n (value: float) = value.ToString("0.#", CultureInfo.InvariantCulture)

    let private arrow (corners: Dictionary<string, float * float>) (stop: Stop) (before: Report) =
        let (x1, y1), (x2, y2) = corners[before.Page.Name], corners[stop.Name]
        let x1, y1, x2, y2 = x1 + width, y1 + height / 2.0, x2 - 9.0, y2 + height / 2.0
        let bend = across * 0.6

        $"<path class=\"edge\" d=\"M{n x1} {n y1}C{n (x1 + bend)} {n y1} {n (x2 - bend)} {n y2} {n x2} {n y2}\" marker-end=\"url(#arrow)\"/>"

    let private shares (claims: ClaimRow list) x y width =
        let shares =
            [
                for name, kind, _ in Ledger.verdicts ->
                    kind, width * float (Ledger.count name claims) / float (max 1 claims.Length)
            ]

        let starts = List.scan (+) x (List.map snd shares)

        [
            for (kind, share), start in List.zip shares (List.truncate shares.Length starts) do
                if share > 0.0 then
                    $"<rect class=\"{kind}\" x=\"{n start}\" y=\"{n y}\" width=\"{n share}\" height=\"5\"/>"
        ]
        |> String.concat ""

    let private box (corners: Dictionary<string, float * float>) (stop: Stop) =
        let x, y = corners[stop.Name]
        let lines = wrap 21 stop.Title
        let year = Tables.encode (stop.Report.Page.Field "year")

        let lines =
            [
                for index, line in List.indexed lines ->
                    $"<text class=\"title\" x=\"{n (x + 14.0)}\" y=\"{n (y + 45.0 + 18.0 * float index)}\">{Tables.encode line}</text>"
            ]
            |> String.concat " "

        let needs =
            match stop.Before with
            | [] -> "No page comes before it"
            | before -> "Builds on " + String.concat " and " [ for report in before -> report.Page.Field "title" ]

        $"<a href=\"{stop.Name}.html\"><title>{Tables.encode stop.Title}, {year}. {Tables.encode needs}. Claims: {Ledger.inWords stop.Report.Claims}.</title>"
        + $"<rect class=\"box\" x=\"{n x}\" y=\"{n y}\" width=\"{n width}\" height=\"{n height}\" rx=\"10\"/>"
        + $"<text class=\"year\" x=\"{n (x + 14.0)}\" y=\"{n (y + 24.0)}\">{year}</text> {lines}"
        + $"{shares stop.Report.Claims (x + 14.0) (y + height - 13.0) (width - 28.0)}</a>"

    let private drawing (all: Stop list) =
        let corners = places all
        let right = Seq.max [ for x, _ in corners.Values -> x + width ] + 4.0
        let bottom = Seq.max [ for _, y in corners.Values -> y + height ] + 4.0

        let arrows =
            [
                for stop in all do
                    yield! List.map (arrow corners stop) stop.Before
            ]

        let boxes = all |> List.sortBy (fun stop -> corners[stop.Name]) |> List.map (box corners)

        $"<svg role=\"group\" aria-label=\"The pages, each to the right of those that it builds on\" viewBox=\"-2 -2 {n right} {n bottom}\">"
        + "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"1\" refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>"
        + $"""<g aria-hidden="true">{String.concat "" arrows}</g>{String.concat "\n" boxes}</svg>"""

    let rec private list (all: Stop list) (stops: Stop list) : string =
        let item (stop: Stop) =
            let others =
                stop.Before
                |> List.filter (fun before -> Some before.Page.Name <> (parent all stop |> Option.map _.Name))

            let also =
                match others with
                | [] -> ""
                | others ->
                    ", also builds on " + String.concat " and " [ for other in others -> other.Page.Field "title" ]

            let year = stop.Report.Page.Field "year"
            let below = next all (Some stop)
            let below = if below.IsEmpty then "" else list all below

            $"<li><a href=\"{stop.Name}.html\">{Tables.encode stop.Title}</a> <span>{Tables.encode (year + also)}</span>{below}</li>"

        $"""<ol>{stops |> List.map item |> String.concat ""}</ol>"""

    /// The figure: a style sheet shows the drawing where it has room, else the list.
    let figure (reports: Report list) =
        let all = stops reports

        drawing all
        + $"<div class=\"path-list\">{list all (next all None)}</div>"
        + "<figcaption><span class=\"for-drawing\">An arrow leads from a page to those that build on it. The bar in each box shows what became of its claims: "
        + "from the left not reproduced, partly, reproduced.</span><span class=\"for-list\">A page stands below the one that it builds on.</span></figcaption>"
