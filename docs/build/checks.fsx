namespace Hybrid.Docs

open System
open System.IO
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

    /// The texts of a page that nothing but its words should be in.
    let private prose (document: IDocument) =
        [
            for node in document.Body.GetDescendants() do
                match node with
                | :? IText as text when
                    isNull (text.ParentElement.Closest "pre, code, script, style, .fsdocs-tip, .math")
                    ->
                    text.Data
                | _ -> ()
        ]

    /// A dollar sign that is left in text was meant as mathematics, which the build makes spans of; code may hold it.
    let rawMaths (name: string) (document: IDocument) =
        [
            for text in prose document do
                match text.IndexOf '$' with
                | -1 -> ()
                | place ->
                    $"{name} has a raw $ in its text, at '{around text place}'; close the formula, or write a dollar sign as code."
            // No formula is drawn in what is only read aloud.
            for element in document.QuerySelectorAll "[alt], [aria-label], [title]" do
                for key in [ "alt"; "aria-label"; "title" ] do
                    let text = attribute key element

                    if text.Contains '$' || text.Contains @"\(" then
                        $"{name} has a formula in the {key} '{around text 30}', which shows as it is written; say it in words."
        ]

    /// Marks of Markdown that are left in text were meant as a block of code, a link or bold words.
    let rawMarkdown (name: string) (document: IDocument) =
        [
            for text in prose document do
                let mark = Regex.Match(text, @"\[lang=|```|\*\*|\]\(")

                if mark.Success then
                    $"{name} has a raw {mark.Value} in its text, at '{around text mark.Index}'; behind a list, code needs a paragraph before it."
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

    /// Bytes that a page may make a browser load: the first page in all, and a later one beyond the plotting library. Fonts come on top, which a
    /// page only loads as far as its formulas need them; the tests in tests/Site count them.
    let private firstLimit, laterLimit = 6_000_000L, 1_500_000L

    /// A page whose files are too large together.
    let weight (site: string) (name: string) (document: IDocument) =
        let file = Path.Combine(site, name)
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
