namespace Hybrid.Docs

open System
open System.IO
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
            "Rules",
            "One rule per type: the value of a function and its pullback, side by side; and Forms, where each rule is one word on a variable."
            "Layers", "Parameters and their initialization; a layer calls a rule."
            "Optimizers", "Steps along the gradient, schedules of the learning rate, clipping."
            "Files", "Files written whole or not at all, and read plain or compressed, with errors that say what to do."
            "Data", "Readers of data files, and batches of examples."
            "Text", "Words, subwords, vocabularies, batches of tokens, and BLEU."
            "Models", "The architectures of the papers, assembled from layers: a folder a paper."
            "Generation", "What a trained model says: the likeliest token each time, or a beam of answers."
            "Checkpoints", "Models and states of training as files."
            "Onnx", "Trained models as ONNX files."
            "Checks", "Gradient checks, and guards against numbers that are not finite."
        ]


    let private kind (symbol: INamedTypeSymbol) =
        match symbol.TypeKind with
        | TypeKind.Class when symbol.IsStatic -> "Static class"
        | TypeKind.Class when symbol.IsRecord -> "Record"
        | TypeKind.Class when symbol.IsAbstract -> "Abstract class"
        | TypeKind.Class -> "Class"
        | TypeKind.Struct when symbol.IsRecord -> "Record struct"
        | other -> string other

    /// Links to the members of base types, which the page does not repeat.
    let private inherited (api: Api) (t: ApiType) =
        let own = t.Members |> List.map fst |> set

        [
            for other in api.Types do
                let isBase = SymbolEqualityComparer.Default.Equals(t.Symbol.BaseType.OriginalDefinition, other.Symbol)

                if isBase then
                    for name, group in other.Members do
                        if not (own.Contains name) && Members.sectionOf group.Head <> "Constructors" then
                            $"<a href=\"{other.Page}#{Api.anchor other group.Head}\"><code>{Tables.encode name}</code></a>"
        ]

    let private origins (api: Api) (t: ApiType) =
        let row label items =
            match items with
            | [] -> ""
            | _ -> $"""<dt>{label}</dt><dd>{String.concat ", " items}</dd>"""

        let code (symbol: INamedTypeSymbol) = $"<code>{Signature.typeHtml api symbol}</code>"

        let isOurs (symbol: INamedTypeSymbol) =
            SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, api.Compilation.Assembly)

        let bases =
            match t.Symbol.BaseType with
            | null -> []
            | b when isOurs b || b.Name.EndsWith "Exception" -> [ code b ]
            | _ -> []

        let namesakes =
            [
                for other in api.Types do
                    if other.Symbol.Name = t.Symbol.Name && other.Page <> t.Page then
                        $"<a href=\"{other.Page}\"><code>{Tables.encode other.Name}</code></a> in Hybrid.{other.Area}"
            ]

        String.concat
            ""
            [
                "<dl class=\"facts origins\">"
                row "Namespace" [ $"<a href=\"index.html#{t.Area.ToLowerInvariant()}\">Hybrid.{t.Area}</a>" ]
                row "Source" [ $"<code>{Tables.encode t.Source}</code>" ]
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

    /// The ids in the comments of a source file, families as they first appear, each by number.
    let private equationsOf (root: string) (t: ApiType) =
        let number (id: string) = int (Regex.Match(id, @"-([0-9]+)").Groups[1].Value)

        [
            for line in File.ReadLines(Path.Combine(root, t.Source)) do
                for found in Equations.id.Matches(Regex.Match(line, "//.*").Value) do
                    found.Value
        ]
        |> List.distinct
        |> List.groupBy (fun id -> (id.Split '-')[0])
        |> List.collect (fun (_, ids) -> List.sortBy (fun id -> number id, id) ids)

    let private typePage root (api: Api) (t: ApiType) =
        let comment = Comments.read api t.Symbol
        let equations = String.concat " " (equationsOf root t)
        let isDelegate = t.Symbol.TypeKind = TypeKind.Delegate

        let body =
            [
                $"<p class=\"kind\">{kind t.Symbol}</p>"
                $"<h1>{Tables.encode t.Name}</h1>"
                Members.paragraph "summary" comment.Summary
                Members.declaration api t.Symbol
                Members.paragraph "remarks" comment.Remarks
                if isDelegate then
                    Members.facts api comment t.Symbol
                $"<p class=\"equations\" data-ids=\"{equations}\"></p>"
                origins api t
                for section in Members.sections do
                    match t.Members |> List.filter (fun (_, group) -> Members.sectionOf group.Head = section) with
                    | [] -> ()
                    | members ->
                        $"<h2 id=\"{section.ToLowerInvariant()}\">{section}</h2>"
                        yield! List.map (Members.html api t) members
            ]

        t.Page, t.Name, String.concat "\n" body

    let private overview (api: Api) =
        let types area =
            [
                for t in api.Types do
                    if t.Area = area then
                        let summary = (Comments.read api t.Symbol).Summary
                        $"<dt><a href=\"{t.Page}\"><code>{Tables.encode t.Name}</code></a></dt><dd>{summary}</dd>"
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

    /// The address of each page, and its bare HTML.
    let pages (root: string) (api: Api) =
        [
            for file, title, content in overview api :: List.map (typePage root api) api.Types do
                let head = $"<html><head><title>{Tables.encode title}</title></head>"

                let body = $"<body><main>{content}</main><div id=\"tips\"></div></body></html>"

                "reference/" + file, head + body
        ]
