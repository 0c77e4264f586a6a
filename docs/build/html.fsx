namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open AngleSharp.Dom

/// What is checked in every HTML file.
[<RequireQualifiedAccess>]
module Html =
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

    /// What an address can point to in a page.
    let anchors (document: IDocument) =
        set
            [
                for element in document.QuerySelectorAll "[id]" -> element.Id
                for element in document.QuerySelectorAll "a[name]" -> element.GetAttribute "name"
            ]

    /// Links of a page that lead to no file of the site, or to nothing in a page whose anchors are known.
    let brokenLinks
        (anchors: IReadOnlyDictionary<string, Set<string>>)
        (site: string)
        (page: string)
        (document: IDocument)
        =
        let leadsAstray (address: string) =
            let parts = address.Split('#', 2)
            let path = Uri.UnescapeDataString(parts[0].Split('?')[0])
            let file = Path.Combine(site, Path.GetDirectoryName page, path)
            let target = if path = "" then page else Path.GetRelativePath(site, file).Replace('\\', '/')

            if isRemote address || Regex.IsMatch(address, "^[a-z]+:") then
                false
            elif path <> "" && not (Path.Exists file) then
                true
            else
                match anchors.TryGetValue target with
                | true, known when parts.Length = 2 && parts[1] <> "" ->
                    not (known.Contains(Uri.UnescapeDataString parts[1]))
                | _ -> false

        [ for link in document.QuerySelectorAll "a[href]" -> link.GetAttribute "href" ]
        |> List.distinct
        |> List.filter leadsAstray
