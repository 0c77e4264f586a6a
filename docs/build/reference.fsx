namespace Hybrid.Docs

open System
open System.IO
open System.Net
open System.Text.RegularExpressions
open Microsoft.CodeAnalysis

/// The reference of the core's API: an overview, and a page for each public type with a block for each member.
[<RequireQualifiedAccess>]
module Reference =
    /// What each namespace holds, in the order in which they build on each other.
    let areas =
        [
            "Memory", "The arena: memory is rented during a training step and given back at its end."
            "Tensors", "Shapes, tensors and seeded random numbers."
            "Kernels",
            "The inner loops over spans: products, convolutions, softmax, normalization, and the threads they run on."
            "Autodiff", "The tape, and what is recorded on it."
            "Rules", "One rule per type: the value of a function and its pullback, side by side."
            "Layers", "Parameters and their initialization; a layer calls a rule."
            "Optimizers", "Steps along the gradient, schedules of the learning rate, clipping."
            "Models", "The architectures of the papers, assembled from layers, and how they decode or sample."
            "Text", "Words, subwords, vocabularies, batches of tokens, and BLEU."
            "Data", "Readers of data files, and batches."
            "Checkpoints", "Models and states of training as files."
            "Onnx", "Trained models as ONNX files."
            "Checks", "Gradient checks, and guards against numbers that are not finite."
        ]

    let private encode (text: string) = WebUtility.HtmlEncode text
    let private equationId = Regex @"//.*?\b([A-Z][A-Z0-9a-z]*-[0-9]+[a-z]?)\b"

    let private kind (symbol: INamedTypeSymbol) =
        match symbol.TypeKind with
        | TypeKind.Class when symbol.IsStatic -> "Static class"
        | TypeKind.Class when symbol.IsRecord -> "Record"
        | TypeKind.Class when symbol.IsAbstract -> "Abstract class"
        | TypeKind.Class -> "Class"
        | TypeKind.Struct when symbol.IsRecord -> "Record struct"
        | other -> string other

    let private sectionOf (symbol: ISymbol) =
        match symbol with
        | :? IMethodSymbol as m when m.MethodKind = MethodKind.Constructor -> "Constructors"
        | :? IMethodSymbol as m when m.MethodKind <> MethodKind.Ordinary -> "Operators"
        | :? IMethodSymbol -> "Methods"
        | :? IPropertySymbol -> "Properties"
        | :? IFieldSymbol as f when f.ContainingType.TypeKind = TypeKind.Enum -> "Values"
        | :? IFieldSymbol -> "Fields"
        | _ -> "Events"

    let private sections = [ "Values"; "Constructors"; "Fields"; "Properties"; "Methods"; "Operators"; "Events" ]

    let private paragraph name (html: string) = if html = "" then "" else $"<p class=\"{name}\">{html}</p>"

    /// Parameters, what is returned, what is thrown: rows of a list, nothing folded away.
    let private facts (api: Api) (comment: Comment) (symbol: ISymbol) =
        let parameters =
            [
                for p in Api.parametersOf symbol do
                    match comment.Parameters.TryFind p.Name with
                    | None -> ()
                    | Some text ->
                        $"<dt><code>{encode p.Name}</code> <code class=\"type\">{Signature.typeHtml api p.Type}</code></dt><dd>{text}</dd>"
            ]

        let returned =
            match symbol with
            | :? IMethodSymbol as m when m.MethodKind <> MethodKind.Constructor && comment.Returns <> "" ->
                [
                    $"<dt><code class=\"type\">{Signature.typeHtml api m.ReturnType}</code></dt><dd>{comment.Returns}</dd>"
                ]
            | _ -> []

        let thrown = [ for error, cause in comment.Throws -> $"<dt>{error}</dt><dd>{cause}</dd>" ]

        [ "Parameters", parameters; "Returns", returned; "Throws", thrown ]
        |> List.filter (fun (_, rows) -> not rows.IsEmpty)
        |> List.map (fun (label, rows) -> $"<dt>{label}</dt><dd><dl>{String.Concat rows}</dl></dd>")
        |> function
            | [] -> ""
            | rows -> $"<dl class=\"facts\">{String.Concat rows}</dl>"

    let private declaration api (symbol: ISymbol) =
        $"<pre class=\"declaration\"><code lang=\"csharp\">{Signature.html api symbol}</code></pre>"

    let private block (api: Api) (t: ApiType) (symbol: ISymbol) =
        let comment = Comments.read api symbol
        // A record's own constructor has the record's comment.
        let isSaid = comment.Summary = (Comments.read api t.Symbol).Summary

        String.concat
            "\n"
            [
                declaration api symbol
                if not isSaid then
                    paragraph "summary" comment.Summary
                facts api comment symbol
                paragraph "remarks" comment.Remarks
            ]

    let private memberHtml api (t: ApiType) (name: string, group: ISymbol list) =
        let id = Api.anchor t group.Head
        let shown = if id = "constructor" then "new " + t.Symbol.Name else name

        let overloads =
            [
                for symbol in group do
                    let id = Api.anchor t symbol
                    let id = if symbol = group.Head then "" else $" id=\"{id}\""
                    $"<div class=\"overload\"{id}>{block api t symbol}</div>"
            ]

        $"<section class=\"member\"><h3 id=\"{id}\">{encode shown}</h3>\n{String.Concat overloads}</section>"

    /// Links to the members of base types, which the page does not repeat.
    let private inherited (api: Api) (t: ApiType) =
        let own = t.Members |> List.map fst |> set

        [
            for other in api.Types do
                let isBase = SymbolEqualityComparer.Default.Equals(t.Symbol.BaseType.OriginalDefinition, other.Symbol)

                if isBase then
                    for name, group in other.Members do
                        if not (own.Contains name) && sectionOf group.Head <> "Constructors" then
                            $"<a href=\"{other.Page}#{Api.anchor other group.Head}\"><code>{encode name}</code></a>"
        ]

    let private origins (api: Api) (t: ApiType) =
        let row label items =
            match items with
            | [] -> ""
            | _ -> $"""<dt>{label}</dt><dd>{String.concat ", " items}</dd>"""

        let code (symbol: INamedTypeSymbol) = $"<code>{Signature.typeHtml api symbol}</code>"
        let isOurs (symbol: INamedTypeSymbol) = symbol.ContainingAssembly.Name = "Hybrid.Core"

        let bases =
            match t.Symbol.BaseType with
            | null -> []
            | b when isOurs b || b.Name.EndsWith "Exception" -> [ code b ]
            | _ -> []

        let namesakes =
            [
                for other in api.Types do
                    if other.Symbol.Name = t.Symbol.Name && other.Page <> t.Page then
                        $"<a href=\"{other.Page}\"><code>{encode other.Name}</code></a> in Hybrid.{other.Area}"
            ]

        String.concat
            ""
            [
                "<dl class=\"facts origins\">"
                row "Namespace" [ $"<a href=\"index.html#{t.Area.ToLowerInvariant()}\">Hybrid.{t.Area}</a>" ]
                row "Source" [ $"<code>{encode t.Source}</code>" ]
                row "Extends" bases
                row
                    "Implements"
                    [
                        for i in t.Symbol.Interfaces do
                            if isOurs i then
                                code i
                    ]
                row "Same name" namesakes
                row "Inherits" (if isNull t.Symbol.BaseType then [] else inherited api t)
                "</dl>"
            ]

    /// The ids in the comments of a source file, in order.
    let private equationsOf (root: string) (t: ApiType) =
        [
            for line in File.ReadLines(Path.Combine(root, t.Source)) do
                for found in Regex.Matches((equationId.Match line).Value, @"\b[A-Z][A-Za-z0-9]*-[0-9]+[a-z]?\b") do
                    found.Value
        ]
        |> List.distinct

    let private typePage root (api: Api) (t: ApiType) =
        let comment = Comments.read api t.Symbol
        let equations = String.concat " " (equationsOf root t)
        let isDelegate = t.Symbol.TypeKind = TypeKind.Delegate

        let body =
            [
                $"<p class=\"kind\">{kind t.Symbol}</p>"
                $"<h1>{encode t.Name}</h1>"
                paragraph "summary" comment.Summary
                declaration api t.Symbol
                paragraph "remarks" comment.Remarks
                if isDelegate then
                    facts api comment t.Symbol
                $"<p class=\"equations\" data-ids=\"{equations}\"></p>"
                origins api t
                for section in sections do
                    match t.Members |> List.filter (fun (_, group) -> sectionOf group.Head = section) with
                    | [] -> ()
                    | members ->
                        $"<h2 id=\"{section.ToLowerInvariant()}\">{section}</h2>"
                        yield! List.map (memberHtml api t) members
            ]

        t.Page, t.Name, String.concat "\n" body

    let private overview (api: Api) =
        let types area =
            [
                for t in api.Types do
                    if t.Area = area then
                        let summary = (Comments.read api t.Symbol).Summary
                        $"<dt><a href=\"{t.Page}\"><code>{encode t.Name}</code></a></dt><dd>{summary}</dd>"
            ]

        let body =
            [
                "<h1>API reference</h1>"
                "<p>The core, in C#. <code>T</code> is <code>float</code> where a model is trained and <code>double</code> where"
                + " a gradient is checked; F# calls them <code>float32</code> and <code>float</code>.</p>"
                for area, description in areas do
                    $"<h2 id=\"{area.ToLowerInvariant()}\">Hybrid.{area}</h2><p>{description}</p>"
                    $"<dl class=\"types\">{String.Concat(types area)}</dl>"
            ]

        "index.html", "API reference", String.concat "\n" body

    /// The address of each page, and its content as fsdocs gives that of others.
    let pages (root: string) (api: Api) =
        [
            for file, title, content in overview api :: List.map (typePage root api) api.Types do
                let head = $"<html><head><title>{encode title}</title></head>"

                let body =
                    $"<body><main>{content}</main><nav id=\"contents\"></nav><div id=\"tips\"></div></body></html>"

                "reference/" + file, head + body
        ]
