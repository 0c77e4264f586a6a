namespace Hybrid.Docs

open System.Collections.Generic
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.RegularExpressions
open AngleSharp.Dom

/// What a reader can find: a section of a page, an equation, or a type or member of the API.
type Found =
    {
        Kind: string
        Page: string
        Anchor: string
        Title: string
        /// The headings above, or the namespace.
        Path: string
        Text: string
    }

/// The index of the search, made of the finished pages: plain text only, the browser makes the rest of it.
[<RequireQualifiedAccess>]
module Search =
    /// Code, charts, and what is no text of the author.
    let private skipped =
        "script, style, pre, table.pre, table.results, svg, button, nav, .plot-area, .player, .about, .fsdocs-tip, a.anchor"

    let private blocks =
        "p, div, section, li, dt, dd, td, th, tr, figure, figcaption, details, summary, blockquote, table, br"

    let private tidy (text: string) = Regex.Replace(text, @"\s+", " ").Trim()

    let private heading (element: IElement) = tidy (Headings.bare element).TextContent

    /// The words before and after a place in a text.
    let private around (text: string) place =
        let before = text[max 0 (place - 160) .. place - 1]
        let after = text[place .. min (text.Length - 1) (place + 160)]
        let before = if place > 160 then Regex.Replace(before, @"^\S*\s", "") else before
        tidy before, tidy (Regex.Replace(after, @"\s\S*$", ""))

    /// The sections of a page, and its equations, in the order in which they stand.
    let private sections (page: string) (main: IElement) =
        let found = List<Found>()
        let text = StringBuilder()
        let equations = List<string * string * int>()
        // The headings above the text, h1 first.
        let mutable above: (int * string) list = []
        let mutable anchor = ""

        let close () =
            let all = text.ToString()
            let titles = above |> List.map snd

            match List.rev titles with
            | [] -> ()
            | title :: higher ->
                // The page's own title is known of the page.
                let path = higher |> List.rev |> List.skip (min 1 higher.Length) |> String.concat " › "

                found.Add
                    { Kind = "section"; Page = page; Anchor = anchor; Title = title; Path = path; Text = tidy all }

                for id, formula, place in equations do
                    let before, after = around all place
                    let path = titles |> List.skip 1 |> String.concat " › "

                    found.Add
                        {
                            Kind = "equation"
                            Page = page
                            Anchor = "#eq-" + id
                            Title = id
                            Path = path
                            Text = $"{formula} — {before} … {after}"
                        }

            text.Clear() |> ignore
            equations.Clear()

        let rec walk (node: INode) =
            match node with
            | :? IText as part -> text.Append part.Data |> ignore
            | :? IElement as element when element.Matches skipped -> ()
            | :? IElement as element when element.Matches "h1, h2, h3, h4" ->
                close ()
                let level = int element.LocalName[1] - int '0'
                above <- (above |> List.filter (fun (each, _) -> each < level)) @ [ (level, heading element) ]
                anchor <- if level = 1 || element.Id = null then "" else "#" + element.Id
            // A formula with an id is found under the id.
            | :? IElement as element when element.Matches ".formula:has(a.equation)" ->
                let id = (element.QuerySelector "a.equation").Id["eq-".Length ..]
                equations.Add(id, Formula.plain (element.QuerySelector ".math").TextContent, text.Length)
            | :? IElement as element when element.Matches ".math" ->
                text.Append(Formula.plain element.TextContent) |> ignore
            | :? IElement as element ->
                for child in element.ChildNodes do
                    walk child

                if element.Matches blocks then
                    text.Append ' ' |> ignore
            | _ -> ()

        walk main
        close ()
        List.ofSeq found

    /// A type of the reference and its members.
    let private api (page: string) (main: IElement) =
        let content (selector: string) (inside: IElement) =
            match inside.QuerySelector selector with
            | null -> ""
            | element -> heading element

        let name = content "h1" main
        let bare = Regex.Replace(name, "<.*>", "")
        let area = content "dl.origins a" main

        let entry kind anchor title text =
            { Kind = kind; Page = page; Anchor = anchor; Title = title; Path = area; Text = text }

        [
            entry "type" "" name (content "p.summary" main)
            for part in main.QuerySelectorAll "section.member" do
                let title = part.QuerySelector "h3"
                let shown = heading title
                let shown = if title.Id = "constructor" then shown else $"{bare}.{shown}"
                entry "member" ("#" + title.Id) shown (content "p.summary" part)
        ]

    let private entries (page: SitePage) =
        let main = page.Document.QuerySelector "main"

        match page.Kind with
        | "reference" when page.Address = "reference/index.html" -> []
        | "reference" -> api page.Address main
        | _ -> sections page.Address main

    let titleOf (document: IDocument) = heading (document.QuerySelector "h1")

    /// Writes the script that a page loads when its search opens for the first time.
    let write (site: string) (pages: SitePage list) =
        let pages = pages |> List.sortBy (fun page -> page.Address)
        let number = dict (pages |> List.mapi (fun index page -> page.Address, index))
        let options = JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)
        let json (value: obj) = JsonSerializer.Serialize(value, options)

        let rows =
            [
                for e in List.collect entries pages do
                    json [| box e.Kind; box number[e.Page]; e.Anchor; e.Title; e.Path; e.Text |]
            ]

        let titles = json [ for page in pages -> [| page.Address; titleOf page.Document |] ]
        let all = String.concat ",\n" rows
        let script = $"self.hybridSearch = {{\"pages\": {titles},\n\"entries\": [\n{all}\n]}};\n"
        File.WriteAllText(Path.Combine(site, "content", "search-index.js"), script)
