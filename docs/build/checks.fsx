namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open AngleSharp.Dom

/// What no finished page may have. A complaint names the page, what is wrong, and what to do.
[<RequireQualifiedAccess>]
module Checks =
    let private attribute (name: string) (element: IElement) =
        element.GetAttribute name |> Option.ofObj |> Option.defaultValue ""

    /// The text around a place, short enough for one line of a message.
    let private around (text: string) (place: int) =
        let start = max 0 (place - 30)
        Regex.Replace(text.Substring(start, min 60 (text.Length - start)), @"\s+", " ").Trim()

    /// A dollar sign that is left in text was meant as mathematics, which the build makes spans of; code may hold it.
    let rawMaths (name: string) (document: IDocument) =
        [
            for node in document.Body.GetDescendants() do
                match node with
                | :? IText as text when isNull (text.ParentElement.Closest "pre, code, script, style, .fsdocs-tip") ->
                    match text.Data.IndexOf '$' with
                    | -1 -> ()
                    | place ->
                        $"{name} has a raw $ in its text, at '{around text.Data place}'; close the formula, or write a dollar sign as code."
                | _ -> ()
            // No formula is drawn in what is only read aloud.
            for element in document.QuerySelectorAll "[alt], [aria-label], [title]" do
                for key in [ "alt"; "aria-label"; "title" ] do
                    let text = attribute key element

                    if text.Contains '$' || text.Contains @"\(" then
                        $"{name} has a formula in the {key} '{around text 30}', which shows as it is written; say it in words."
        ]

    let private property (name: string) (element: JsonElement) =
        match element.ValueKind with
        | JsonValueKind.Object ->
            match element.TryGetProperty name with
            | true, found -> Some found
            | _ -> None
        | _ -> None

    let private text (element: JsonElement option) =
        match element with
        | Some element when element.ValueKind = JsonValueKind.String -> element.GetString()
        | _ -> ""

    let private isHidden axis =
        axis
        |> Option.bind (property "visible")
        |> Option.exists (fun v -> v.ValueKind = JsonValueKind.False)

    let private isTitled axis =
        let title = axis |> Option.bind (property "title")
        let words = text title + text (title |> Option.bind (property "text"))
        not (String.IsNullOrWhiteSpace words)

    /// True if each value is a name, which needs no title to be understood.
    let private areNames (values: JsonElement option) =
        match values with
        | Some values when values.ValueKind = JsonValueKind.Array && values.GetArrayLength() > 0 ->
            values.EnumerateArray() |> Seq.forall (fun value -> value.ValueKind = JsonValueKind.String)
        | _ -> false

    let private withAxes =
        set
            [
                yield! [ "scatter"; "scattergl"; "bar"; "box"; "violin"; "histogram"; "heatmap"; "contour" ]
                yield! [ "histogram2d"; "histogram2dcontour"; "waterfall"; "funnel"; "candlestick"; "ohlc" ]
            ]

    /// The axes of a chart that need a title and have none, such as xaxis.
    let private untitled (chart: JsonElement) =
        [
            for trace in (chart.GetProperty "data").EnumerateArray() do
                let kind = text (property "type" trace)

                if kind = "" || withAxes.Contains kind then
                    for letter in [ "x"; "y" ] do
                        // A trace says "x2" for the layout's "xaxis2".
                        let key = letter + "axis" + (text (property (letter + "axis") trace)).TrimStart('x', 'y')
                        let axis = property "layout" chart |> Option.bind (property key)

                        if not (isHidden axis || isTitled axis || areNames (property letter trace)) then
                            key
        ]
        |> List.distinct

    /// Charts that say nothing to readers who cannot see them, or whose axes do not say what they measure.
    let charts (name: string) (document: IDocument) =
        [
            for block in document.QuerySelectorAll "script.plot" do
                let figure = block.Closest "figure"
                let id = if isNull figure then "" else " " + figure.Id
                let area = if isNull figure then null else figure.QuerySelector ".plot-area"
                let caption = if isNull figure then null else figure.QuerySelector "figcaption"

                if
                    isNull area
                    || attribute "role" area <> "img"
                    || String.IsNullOrWhiteSpace(attribute "aria-label" area)
                then
                    $"{name}: the chart{id} has no text alternative; give its plot-area role=\"img\" and an aria-label that says what it shows."

                if isNull caption || String.IsNullOrWhiteSpace caption.TextContent then
                    $"{name}: the chart{id} has no caption; give figure one."

                use chart = JsonDocument.Parse block.TextContent

                for axis in untitled chart.RootElement do
                    $"{name}: the {axis} of the chart{id} has no title; say what it measures and in which unit."

                if block.TextContent.Contains '$' then
                    $"{name}: the chart{id} holds a raw $, which Plotly shows as it is written; use letters and signs."
        ]

    let images (name: string) (document: IDocument) =
        [
            for image in document.QuerySelectorAll "img:not([alt])" do
                let source = attribute "src" image
                $"{name}: the image {around source 30} has no alt; describe it, or give it alt=\"\" if it only decorates."
            for drawing in document.QuerySelectorAll "svg[role=img]" do
                if
                    attribute "aria-label" drawing = ""
                    && attribute "aria-labelledby" drawing = ""
                    && isNull (drawing.QuerySelector "title")
                then
                    $"{name}: a drawing with role=\"img\" has no aria-label; say what it shows."
        ]

    let duplicateIds (name: string) (document: IDocument) =
        [
            for id, bearers in document.QuerySelectorAll "[id]" |> Seq.groupBy _.Id do
                if Seq.length bearers > 1 then
                    $"{name} has the id '{id}' {Seq.length bearers} times; an address with # finds only the first."
        ]

    /// Equation ids in comments of code that lead to no equation, because no page derives it.
    let unlinkedEquations (name: string) (document: IDocument) =
        [
            for comment in document.QuerySelectorAll "pre span.c" do
                for node in comment.ChildNodes do
                    if node.NodeType = NodeType.Text then
                        for found in Regex.Matches(node.TextContent, @"\b[A-Z]+-\d+\b") do
                            $"{name} shows code with the equation id {found.Value}, which no page derives; give the equation \\tag{{{found.Value}}}."
        ]
        |> List.distinct

    /// Links to a part of a page that is not there. The ids are those of each page, by its name below the site's folder.
    let missingFragments (ids: IReadOnlyDictionary<string, Set<string>>) (name: string) (document: IDocument) =
        let root = Uri "site:///"
        let here = Uri(root, name)

        [
            for link in document.QuerySelectorAll "a[href*='#']" do
                let address = attribute "href" link

                match Uri.TryCreate(here, address) with
                | true, target when target.Scheme = root.Scheme ->
                    let page = Uri.UnescapeDataString(target.AbsolutePath.TrimStart '/')
                    let part = Uri.UnescapeDataString(target.Fragment.TrimStart '#')

                    match ids.TryGetValue page with
                    | true, known when part <> "" && not (known.Contains part) ->
                        $"{name} links to {address}, but {page} has nothing with that id; link to a heading that is there."
                    | _ -> ()
                | _ -> ()
        ]
        |> List.distinct

    /// Bytes that a page may make a browser load: the first page in all, and a later one beyond the plotting library. Fonts come on top, which a
    /// page only loads as far as its formulas need them; the tests in tests/Site count them.
    let private firstLimit, laterLimit = 6_000_000L, 1_500_000L

    /// A page whose files are too large together.
    let weight (file: string) (name: string) (document: IDocument) =
        let folder = Path.GetDirectoryName file

        let loaded =
            [
                for element in document.QuerySelectorAll "link[rel=stylesheet], link[rel=icon]" ->
                    attribute "href" element
                for element in document.QuerySelectorAll "script[src], img[src]" -> attribute "src" element
            ]
            |> List.filter (fun address -> not (address.Contains ':'))
            |> List.map (fun address ->
                Path.GetFullPath(Path.Combine(folder, Uri.UnescapeDataString(address.Split('?', '#')[0]))))
            |> List.distinct
            |> List.filter File.Exists

        let sum (files: string list) = files |> List.sumBy (fun file -> FileInfo(file).Length)
        let first = sum (file :: loaded)
        let later = sum (file :: List.filter (fun file -> not (file.EndsWith "plotly.min.js")) loaded)
        let remedy = "round the numbers of its charts, or show fewer of them"

        [
            if first > firstLimit then
                $"{name} makes a browser load {first} bytes, more than {firstLimit}; {remedy}."
            if later > laterLimit then
                $"{name} makes a browser load {later} bytes beside the plotting library, more than {laterLimit}; {remedy}."
        ]

    /// What is wrong with the finished pages of the folder; each comes with its file.
    let complaints (site: string) (pages: (string * IDocument) list) =
        let pages =
            [ for file, document in pages -> Path.GetRelativePath(site, file).Replace('\\', '/'), file, document ]

        let ids =
            readOnlyDict
                [
                    for name, _, document in pages ->
                        name, document.QuerySelectorAll "[id]" |> Seq.map _.Id |> Set.ofSeq
                ]

        [
            for name, file, document in pages do
                for check in
                    [ rawMaths; charts; images; duplicateIds; unlinkedEquations; missingFragments ids; weight file ] do
                    yield! check name document
        ]
