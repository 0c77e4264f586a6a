namespace Hybrid.Docs

open System.Net
open System.Text.RegularExpressions
open System.Xml.Linq
open Microsoft.CodeAnalysis

/// The XML comment of a type or member, with what it inherits, as HTML.
type Comment =
    {
        Summary: string
        Remarks: string
        Parameters: Map<string, string>
        Returns: string
        /// The exceptions thrown, each with its cause.
        Throws: (string * string) list
    }

[<RequireQualifiedAccess>]
module Comments =
    let private encode (text: string) = WebUtility.HtmlEncode text

    /// [batch, time, features], but neither E[x²] nor [1].
    let private shape = Regex @"(?<![\w\)])\[(?:\.\.\.|[^\[\]\d])[^\[\]]*\]"

    let hasShape (html: string) = html.Contains "class=\"shape\""

    let private text (value: string) =
        shape.Replace(encode (Regex.Replace(value, @"\s+", " ")), "<code class=\"shape\">$0</code>")

    let private nameFormat =
        SymbolDisplayFormat(
            genericsOptions = SymbolDisplayGenericsOptions.IncludeTypeParameters,
            memberOptions = SymbolDisplayMemberOptions.IncludeContainingType
        )

    /// A cref as a link where the reference shows it, else as its name.
    let private reference (api: Api) (owner: ISymbol) (id: string) =
        match DocumentationCommentId.GetFirstSymbolForDeclarationId(id, api.Compilation) with
        | null ->
            let name = Regex.Replace(id, @"^.:|\(.*$", "")
            $"<code>{encode name}</code>"
        | symbol ->
            let isNear = SymbolEqualityComparer.Default.Equals(symbol.ContainingType, owner.ContainingType)
            let name = if isNear then Api.nameOf symbol else symbol.ToDisplayString nameFormat

            match Api.address api symbol with
            | Some address -> $"<a href=\"{address}\"><code>{encode name}</code></a>"
            | None -> $"<code>{encode name}</code>"

    let rec private html api owner (node: XNode) =
        match node with
        | :? XText as value -> text value.Value
        | :? XElement as e ->
            let inner () = e.Nodes() |> Seq.map (html api owner) |> String.concat ""
            let attribute (name: string) = e.Attribute(XName.Get name) |> Option.ofObj |> Option.map (fun a -> a.Value)

            match e.Name.LocalName, attribute "cref", attribute "name" with
            | "c", _, _ -> $"<code>{encode e.Value}</code>"
            | "see", Some id, _ -> reference api owner id
            | ("paramref" | "typeparamref"), _, Some name -> $"<code>{encode name}</code>"
            | "para", _, _ -> $"</p><p>{inner ()}"
            | name, _, _ ->
                failwith $"{owner}: its XML comment uses <{name}>, which docs/build/comments.fsx does not know."
        | _ -> ""

    /// Where <inheritdoc/> looks: what is overridden, what is implemented, or the base.
    let private ancestor (symbol: ISymbol) : ISymbol option =
        let implemented =
            lazy
                (symbol.ContainingType.AllInterfaces
                 |> Seq.collect (fun i -> i.GetMembers())
                 |> Seq.tryFind (fun each ->
                     let found = symbol.ContainingType.FindImplementationForInterfaceMember each
                     SymbolEqualityComparer.Default.Equals(found, symbol)))

        match symbol with
        | :? INamedTypeSymbol as t -> Seq.tryHead t.Interfaces |> Option.map (fun i -> i :> ISymbol)
        | :? IMethodSymbol as m when not (isNull m.OverriddenMethod) -> Some m.OverriddenMethod
        | :? IPropertySymbol as p when not (isNull p.OverriddenProperty) -> Some p.OverriddenProperty
        | _ -> implemented.Value

    let private keyOf (e: XElement) = e.Name.LocalName, [ for a in e.Attributes() -> a.Value ]

    let rec private elements (api: Api) (symbol: ISymbol) : XElement list =
        match symbol.OriginalDefinition.GetDocumentationCommentXml() with
        | null
        | "" -> positional api symbol
        | xml ->
            let isInherit (e: XElement) = e.Name.LocalName = "inheritdoc"
            let inherits, own = List.ofSeq (XElement.Parse(xml).Elements()) |> List.partition isInherit

            let inherited =
                inherits
                |> List.collect (fun e ->
                    match e.Attribute(XName.Get "cref") with
                    | null -> ancestor symbol
                    | cref ->
                        Option.ofObj (
                            DocumentationCommentId.GetFirstSymbolForDeclarationId(cref.Value, api.Compilation)
                        )
                    |> Option.map (elements api)
                    |> Option.defaultValue [])

            let said = own |> List.map keyOf |> set
            own @ (inherited |> List.filter (fun e -> not (said.Contains(keyOf e))))

    /// A property that a record declares by its parameter is described by that parameter.
    and private positional api (symbol: ISymbol) =
        match symbol with
        | :? IPropertySymbol as p when p.ContainingType.IsRecord ->
            elements api p.ContainingType
            |> List.filter (fun e -> keyOf e = ("param", [ p.Name ]))
            |> List.map (fun e -> XElement(XName.Get "summary", e.Nodes()))
        | _ -> []

    let read (api: Api) (symbol: ISymbol) =
        let all = elements api symbol
        let content (e: XElement) = (e.Nodes() |> Seq.map (html api symbol) |> String.concat "").Trim()
        let named (name: string) = all |> List.filter (fun e -> e.Name.LocalName = name)
        let first name = named name |> List.tryHead |> Option.map content |> Option.defaultValue ""
        let attribute (name: string) (e: XElement) = e.Attribute(XName.Get name).Value

        {
            Summary = first "summary"
            Remarks = first "remarks"
            Parameters = Map [ for e in named "param" -> attribute "name" e, content e ]
            Returns = first "returns"
            Throws = [ for e in named "exception" -> reference api symbol (attribute "cref" e), content e ]
        }
