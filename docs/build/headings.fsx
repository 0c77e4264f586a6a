namespace Hybrid.Docs

open System.Collections.Generic
open System.Text.RegularExpressions
open AngleSharp.Dom

/// The headings of a page: their anchors, and the list of them at its side.
[<RequireQualifiedAccess>]
module Headings =
    let private slug (text: string) = Regex.Replace(text, "[^A-Za-z0-9]+", "-").Trim '-'

    /// The text of a heading as it can be read aloud: formulas without their delimiters.
    let text (heading: IElement) = Regex.Replace(heading.TextContent, @"\\[()]", "").Trim()

    let private unused (taken: HashSet<string>) (wanted: string) =
        Seq.append [ wanted ] (Seq.initInfinite (fun i -> $"{wanted}-{i + 2}")) |> Seq.find taken.Add

    /// Gives each heading an id and h2 to h4 a link to themselves. fsdocs makes the whole heading a link with a name.
    let anchor (document: IDocument) =
        let taken =
            HashSet
                [
                    for element in document.All do
                        if not (isNull element.Id) then
                            element.Id
                ]

        for heading in List.ofSeq (document.QuerySelectorAll "#content :is(h1, h2, h3, h4)") do
            let name = heading.QuerySelector "a[name]"

            if not (isNull name) then
                let wanted = name.GetAttribute "name"
                name.OuterHtml <- name.InnerHtml
                heading.Id <- unused taken wanted

            if isNull heading.Id || heading.Id = "" then
                heading.Id <- unused taken (slug heading.TextContent)

            if heading.LocalName <> "h1" then
                let words = text heading
                let link = document.CreateElement "a"
                link.ClassName <- "anchor"
                link.TextContent <- "#"
                link.SetAttribute("href", "#" + heading.Id)
                link.SetAttribute("aria-label", $"Link to {words}")
                heading.AppendChild link |> ignore

    /// A copy of a heading without its link to itself. The link around the whole heading, as fsdocs makes it, holds the words.
    let bare (heading: IElement) =
        let copy = heading.Clone true :?> IElement

        for anchor in List.ofSeq (copy.QuerySelectorAll "a.anchor") do
            if anchor.TextContent = "#" then
                anchor.Remove()

        copy

    let private entry (heading: IElement) =
        let copy = bare heading

        for link in List.ofSeq (copy.QuerySelectorAll "a") do
            link.OuterHtml <- link.InnerHtml

        $"<a href=\"#{heading.Id}\">{copy.InnerHtml.Trim()}</a>"

    /// Lists the sections of a page, and below each its parts; a page of one section has no list.
    let list (document: IDocument) =
        let toc = document.GetElementById "toc"

        let rec items (headings: IElement list) =
            match headings with
            | [] -> ""
            | first :: rest ->
                let parts = rest |> List.takeWhile (fun heading -> heading.LocalName > first.LocalName)
                let inner = if parts.IsEmpty then "" else $"<ul>{items parts}</ul>"
                $"<li>{entry first}{inner}</li>\n{items (List.skip parts.Length rest)}"

        match List.ofSeq (document.QuerySelectorAll "#content :is(h2, h3)") with
        | []
        | [ _ ] -> toc.Remove()
        | headings -> toc.InnerHtml <- $"<p>On this page</p>\n<ul>\n{items headings}</ul>"
