namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open AngleSharp.Dom
open AngleSharp.Html.Parser

/// What is done to every HTML file after fsdocs wrote it, and what is checked in it.
[<RequireQualifiedAccess>]
module Html =
    let private tag = Regex @"\\tag\{([A-Za-z0-9]+-[0-9]+[a-z]?)\}"
    let private equationId = Regex @"\b[A-Z][A-Za-z0-9]*-[0-9]+[a-z]?\b"

    let load (file: string) = HtmlParser().ParseDocument(File.ReadAllText file)

    /// Gives each tagged equation the anchor eq-<id> and returns the ids.
    let anchorEquations (document: IDocument) =
        [
            for maths in document.QuerySelectorAll "span.math" do
                for found in tag.Matches maths.TextContent do
                    let anchor = document.CreateElement "a"
                    anchor.Id <- "eq-" + found.Groups[1].Value
                    anchor.ClassName <- "equation"
                    maths.Before anchor
                    found.Groups[1].Value
        ]

    /// Turns the ids in comments of code, such as // LN-3, into links to the equation on the page that derives it.
    let linkEquations (equations: IReadOnlyDictionary<string, string>) (page: string) (document: IDocument) =
        for comment in document.QuerySelectorAll "pre span.c" do
            comment.InnerHtml <-
                equationId.Replace(
                    comment.InnerHtml,
                    fun found ->
                        match equations.TryGetValue found.Value with
                        | true, owner ->
                            let page = if owner = page then "" else owner
                            $"<a href=\"{page}#eq-{found.Value}\">{found.Value}</a>"
                        | _ -> found.Value
                )

    /// Undoes what staging did to the text of the page, and leaves out the library's own markup that needs the network.
    let tidy (document: IDocument) =
        for text in document.QuerySelectorAll "pre span.s" do
            text.TextContent <- Regex.Replace(text.TextContent, "^\"(\\.\\./)+scripts/", "\"")

        for useless in List.ofSeq (document.QuerySelectorAll ".icon-button-row, iconify-icon, fsdocs-details-toggle") do
            useless.Remove()

    /// In a folder below the site's root, "./" has to mean that root.
    let relinkFromBelow (document: IDocument) =
        for attribute in [ "href"; "src"; "data-root" ] do
            for element in document.QuerySelectorAll $"[{attribute}^='./']" do
                element.SetAttribute(attribute, "." + element.GetAttribute attribute)

    /// fsdocs makes no page for a C# delegate, yet links to it: such a link becomes plain text.
    let unlinkDelegates (addresses: Set<string>) (document: IDocument) =
        for link in List.ofSeq (document.QuerySelectorAll "a[href^='../reference/']") do
            let target = (link.GetAttribute "href").Split('#')[0]

            if not (Set.contains (target.Substring 3) addresses) then
                link.OuterHtml <- link.InnerHtml

    /// Wide tables scroll by themselves, not with the page.
    let wrapTables (document: IDocument) =
        for table in document.QuerySelectorAll "#content table:not(.pre)" do
            let box = document.CreateElement "div"
            box.ClassName <- "table-box"
            table.Replace box
            box.AppendChild table |> ignore

    let private isRemote (address: string) =
        Regex.IsMatch(address, @"^\s*(?:[a-z][a-z0-9+.-]*:)?//", RegexOptions.IgnoreCase)

    /// The addresses in a page that would make a browser load something from another host. A link to a paper does not.
    let remoteLoads (document: IDocument) =
        [
            for attribute in [ "src"; "srcset"; "poster"; "data" ] do
                for element in document.QuerySelectorAll $"[{attribute}]" do
                    element.GetAttribute attribute
            for element in document.QuerySelectorAll "link[href], use[href], image[href]" do
                element.GetAttribute "href"
            for element in document.QuerySelectorAll "style, [style]" do
                let style =
                    element.GetAttribute "style" + (if element.LocalName = "style" then element.TextContent else "")

                for found in Regex.Matches(style, @"url\(['""]?([^)'""]+)|@import\s+['""]([^'""]+)") do
                    found.Groups[1].Value + found.Groups[2].Value
        ]
        |> List.filter isRemote

    /// The remote addresses in a style sheet.
    let remoteLoadsOfStyle (css: string) =
        [ for found in Regex.Matches(css, @"(?:url\(|@import\s+)['""]?([^)'""\s]+)") -> found.Groups[1].Value ]
        |> List.filter isRemote

    /// Links of a page that lead to no file of the site, or to an equation that no page derives.
    let brokenLinks
        (equations: IReadOnlyDictionary<string, string>)
        (site: string)
        (page: string)
        (document: IDocument)
        =
        let file = Path.Combine(site, page)

        let leadsAstray (address: string) =
            let path = Uri.UnescapeDataString(address.Split('#', '?')[0])
            let equation = Regex.Match(address, "#eq-(.+)$").Groups[1].Value
            let target = if path = "" then Path.GetFileName file else Path.GetFileName path

            if isRemote address || Regex.IsMatch(address, "^[a-z]+:") then
                false
            elif path <> "" && not (Path.Exists(Path.Combine(Path.GetDirectoryName file, path))) then
                true
            else
                equation <> "" && (not (equations.ContainsKey equation) || equations[equation] <> target)

        [ for link in document.QuerySelectorAll "a[href]" -> link.GetAttribute "href" ]
        |> List.distinct
        |> List.filter leadsAstray
