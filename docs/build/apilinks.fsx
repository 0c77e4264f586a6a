namespace Hybrid.Docs

open System.Collections.Generic
open System.Text.RegularExpressions
open AngleSharp.Dom

/// Links between the pages and the reference, both ways.
[<RequireQualifiedAccess>]
module ApiLinks =
    /// Where a name leads, below reference/. Of a rule and a layer of one name the rule comes first: the notes derive it.
    let private names (api: Api) =
        let found = Dictionary<string, string>()
        let precedence (t: ApiType) = if t.Area = "Rules" then 0 else 1

        for t in List.sortBy precedence api.Types do
            let bare = t.Symbol.Name
            found.TryAdd(bare, t.Page) |> ignore
            found.TryAdd($"{t.Area}.{bare}", t.Page) |> ignore

            if t.Source.EndsWith $"/{bare}.cs" then
                found.TryAdd(t.Source, t.Page) |> ignore
                found.TryAdd(t.Source["core/".Length ..], t.Page) |> ignore

            for name, group in t.Members do
                found.TryAdd($"{bare}.{name}", $"{t.Page}#{Api.anchor t group.Head}") |> ignore

        found

    /// Inline code of the notes that is the name of a public type, of a member after its type's, or of a type's source
    /// file, becomes a link.
    let private linkNames (api: Api) =
        let names = names api

        fun (document: IDocument) ->
            for code in List.ofSeq (document.QuerySelectorAll "#content code") do
                let name = Regex.Replace(code.TextContent, "<[^<>]*>", "")

                if isNull (code.Closest "a, pre, h1, h2, h3, h4, summary, figcaption") then
                    match names.TryGetValue name with
                    | true, address ->
                        let link = document.CreateElement "a"
                        link.SetAttribute("href", "reference/" + address)
                        link.ClassName <- "api"
                        code.Replace link
                        link.AppendChild code |> ignore
                    | _ -> ()

    /// The member that a listing shows, or the type around it where the member is private.
    let private shownBy (api: Api) (file: string) (name: string) =
        let types = api.Types |> List.filter (fun t -> t.Source = file)

        let exact =
            types
            |> List.tryPick (fun t ->
                t.Members
                |> List.tryFind (fun (each, _) -> each = name && t.Symbol.Name <> name)
                |> Option.map (fun (_, group) -> $"{t.Page}#{Api.anchor t group.Head}"))

        let ofThatName = types |> List.tryFind (fun t -> t.Symbol.Name = name)

        match ofThatName, exact, types with
        | Some t, _, _ -> Some t.Page
        | None, Some address, _ -> Some address
        | None, None, t :: _ -> Some t.Page
        | None, None, [] -> None

    /// The caption of a listing, "core/Rules/Normalization/LayerNorm.cs: Forward", leads to the reference.
    let private linkListings (api: Api) (document: IDocument) =
        for caption in document.QuerySelectorAll "figure.listing figcaption" do
            let parts = Regex.Match(caption.TextContent.Trim(), @"^(core/\S+\.cs): (.+)$")
            let file, name = parts.Groups[1].Value, parts.Groups[2].Value

            match (if parts.Success then shownBy api file name else None) with
            | Some address ->
                let name = Tables.encode name
                caption.InnerHtml <- $"{file}: <a href=\"reference/{address}\">{name}</a>"
            | None -> ()

    /// The equations that a type's source file names, each linked to the page that derives it.
    let private linkEquations
        (equations: IReadOnlyDictionary<string, string>)
        (titleOf: string -> string)
        (document: IDocument)
        =
        for place in List.ofSeq (document.QuerySelectorAll "p.equations[data-ids]") do
            let known =
                (place.GetAttribute "data-ids").Split ' '
                |> List.ofArray
                |> List.filter equations.ContainsKey
                |> List.groupBy (fun id -> equations[id])

            let described =
                [
                    for page, ids in known do
                        let links = [ for id in ids -> $"<a href=\"../{page}#eq-{id}\">{id}</a>" ]
                        let title = Tables.encode (titleOf page)
                        $"""{String.concat ", " links} of <a href="../{page}">{title}</a>"""
                ]

            if described.IsEmpty then
                place.Remove()
            else
                place.RemoveAttribute "data-ids" |> ignore
                place.InnerHtml <- "Equations: " + String.concat "; " described + "."

    /// All links of a page, once the equations of all pages are known.
    let link (api: Api) equations titleOf =
        let linkNames = linkNames api

        fun (page: SitePage) ->
            if page.Kind = "reference" then
                linkEquations equations titleOf page.Document
            else
                linkNames page.Document
                linkListings api page.Document
