namespace Hybrid.Docs

open System
open Microsoft.CodeAnalysis

/// The members of a type as blocks of HTML: declaration, what it does, and everything else that its comment says.
[<RequireQualifiedAccess>]
module Members =
    /// The heading under which a member stands.
    let sectionOf (symbol: ISymbol) =
        match symbol with
        | :? IMethodSymbol as m when m.MethodKind = MethodKind.Constructor -> "Constructors"
        | :? IMethodSymbol as m when m.MethodKind <> MethodKind.Ordinary -> "Operators"
        | :? IMethodSymbol -> "Methods"
        | :? IPropertySymbol -> "Properties"
        | :? IFieldSymbol as f when f.ContainingType.TypeKind = TypeKind.Enum -> "Values"
        | :? IFieldSymbol -> "Fields"
        | _ -> "Events"

    let sections = [ "Values"; "Constructors"; "Fields"; "Properties"; "Methods"; "Operators"; "Events" ]

    let paragraph name (html: string) = if html = "" then "" else $"<p class=\"{name}\">{html}</p>"

    /// Parameters, what is returned, what is thrown: rows of a list, nothing folded away.
    let facts (api: Api) (comment: Comment) (symbol: ISymbol) =
        let parameters =
            [
                for p in Api.parametersOf symbol do
                    match comment.Parameters.TryFind p.Name with
                    | None -> ()
                    | Some text ->
                        $"<dt><code>{Tables.encode p.Name}</code> <code class=\"type\">{Signature.typeHtml api p.Type}</code></dt><dd>{text}</dd>"
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

    let declaration api (symbol: ISymbol) = $"<pre class=\"declaration\"><code>{Signature.html api symbol}</code></pre>"

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

    let html api (t: ApiType) (name: string, group: ISymbol list) =
        let id = Api.anchor t group.Head
        let shown = if id = "constructor" then "new " + t.Symbol.Name else name

        let overloads =
            [
                for symbol in group do
                    let id = Api.anchor t symbol
                    let id = if symbol = group.Head then "" else $" id=\"{id}\""
                    $"<div class=\"overload\"{id}>{block api t symbol}</div>"
            ]

        $"<section class=\"member\"><h3 id=\"{id}\">{Tables.encode shown}</h3>\n{String.Concat overloads}</section>"
