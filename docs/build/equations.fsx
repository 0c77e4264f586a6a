namespace Hybrid.Docs

open System.Collections.Generic
open System.Text.RegularExpressions
open AngleSharp.Dom

/// Displayed formulas, the ids of those that code computes, and the links between formula and code.
[<RequireQualifiedAccess>]
module Equations =
    let private tag = Regex @"\s*\\tag\{([^}]+)\}"
    /// The number of an equation that code computes, such as LN-3.
    let id = Regex @"\b[A-Z][A-Za-z0-9]*-[0-9]+[a-z]?\b"
    let private wholeId = Regex $"^{id}$"

    /// The lines of code begin with the ids of what they compute: "// LN-5: dg = ...", "// LRE-3, LRE-4".
    let private opening = Regex @"^\s*//+\s*([A-Z]+-[0-9]+[a-z]?)"

    let private element (document: IDocument) name (classes: string) content =
        let element = document.CreateElement name
        element.ClassName <- classes
        element.InnerHtml <- content
        element

    /// Puts each displayed formula into a box, its number beside it: KaTeX would set the number over a formula that is too long for its column.
    /// Returns the ids, whose anchors are eq-<id>.
    let box (document: IDocument) =
        [
            for maths in List.ofSeq (document.QuerySelectorAll "#content span.math") do
                if maths.TextContent.TrimStart().StartsWith @"\[" then
                    let found = tag.Match maths.TextContent
                    let box = element document "span" "formula" ""
                    maths.Replace box

                    if found.Success then
                        let name = found.Groups[1].Value
                        maths.TextContent <- tag.Replace(maths.TextContent, "", 1)

                        if wholeId.IsMatch name then
                            let anchor = element document "a" "equation" name
                            anchor.Id <- "eq-" + name
                            anchor.SetAttribute("href", "#" + anchor.Id)
                            anchor.SetAttribute("aria-label", $"Equation {name}")
                            box.AppendChild anchor |> ignore
                            name
                        else
                            box.AppendChild(element document "span" "number" $"({name})") |> ignore

                    box.AppendChild maths |> ignore
        ]

    /// The ids whose line of C# the page lists; the lines' own anchors are code-<id>.
    let listed (document: IDocument) =
        [ for line in document.QuerySelectorAll "#content [id^='code-']" -> line.Id.Substring 5 ]

    let private addressFrom (page: string) owner =
        if owner = page then ""
        elif page.Contains '/' then "../" + owner
        else owner

    /// Puts a link to the line of C# beside each formula that a page lists the code of, the formula's own page before others.
    let linkCode (listings: IReadOnlyDictionary<string, string>) (page: string) (document: IDocument) =
        for anchor in document.QuerySelectorAll "a.equation" do
            let name = anchor.Id.Substring 3

            let isListedHere = not (isNull (document.GetElementById("code-" + name)))

            match (if isListedHere then (true, page) else listings.TryGetValue name) with
            | true, owner ->
                let link = element document "a" "to-code" "C#"
                link.SetAttribute("href", $"{addressFrom page owner}#code-{name}")
                link.SetAttribute("aria-label", $"C# of equation {name}")
                anchor.Parent.AppendChild link |> ignore
            | _ -> ()

    /// Turns the ids that notes speak of into links.
    let linkNotes (equations: IReadOnlyDictionary<string, string>) (page: string) (document: IDocument) =
        let isText (node: IText) =
            id.IsMatch node.Data
            && isNull (node.ParentElement.Closest "a, code, pre, h1, h2, h3, h4, script, .math")

        let link (found: Match) =
            match equations.TryGetValue found.Value with
            | true, owner ->
                $"<a class=\"to-equation\" href=\"{addressFrom page owner}#eq-{found.Value}\">{found.Value}</a>"
            | _ -> found.Value

        for node in (document.GetElementById "content").Descendants<IText>() |> Seq.filter isText |> List.ofSeq do
            let linked = document.CreateElement "span"
            linked.InnerHtml <- id.Replace(Tables.encode node.Data, link)
            node.Replace(Array.ofSeq linked.ChildNodes)

    /// Turns the ids in comments of code, such as // LN-3, into links to the equation on the page that derives it; returns
    /// what names an equation that no page derives. A name is an equation's if it begins its comment or if its letters are
    /// those of derived ones, so that UTF-8 inside a sentence is none.
    let linkComments (equations: IReadOnlyDictionary<string, string>) (page: string) (document: IDocument) =
        let letters (name: string) = name.Split('-')[0]
        let families = set [ for name in equations.Keys -> letters name ]

        [
            for comment in document.QuerySelectorAll "pre span.c" do
                let opens = opening.Match(comment.TextContent).Groups[1].Value
                let unknown = HashSet<string>()

                let link (found: Match) =
                    match equations.TryGetValue found.Value with
                    | true, owner -> $"<a href=\"{addressFrom page owner}#eq-{found.Value}\">{found.Value}</a>"
                    | _ ->
                        if found.Value = opens || families.Contains(letters found.Value) then
                            unknown.Add found.Value |> ignore

                        found.Value

                comment.InnerHtml <- id.Replace(comment.InnerHtml, link)

                for name in unknown do
                    $"{page}: unlinked equation id {name} in the comment '{comment.TextContent.Trim()}'; no page derives it: tag the formula with \\tag{{{name}}} or mend the id."
        ]
