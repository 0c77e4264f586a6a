namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Text
open System.Text.RegularExpressions
open AngleSharp.Dom
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax

/// C# source as HTML, cut out of its file by name, so that a page can never show other code than the one that runs.
[<RequireQualifiedAccess>]
module Listing =
    let private names (node: SyntaxNode) =
        match node with
        | :? BaseTypeDeclarationSyntax as t -> [ t.Identifier.Text ]
        | :? DelegateDeclarationSyntax as d -> [ d.Identifier.Text ]
        | :? MethodDeclarationSyntax as m -> [ m.Identifier.Text ]
        | :? ConstructorDeclarationSyntax as c -> [ c.Identifier.Text ]
        | :? PropertyDeclarationSyntax as p -> [ p.Identifier.Text ]
        | :? IndexerDeclarationSyntax -> [ "this" ]
        | :? OperatorDeclarationSyntax as o -> [ "operator " + o.OperatorToken.Text ]
        | :? BaseFieldDeclarationSyntax as f -> [ for v in f.Declaration.Variables -> v.Identifier.Text ]
        | _ -> []

    /// The class that fsdocs gives the same kind of F# token, so that one style sheet colours both.
    let private colour (token: SyntaxToken) (symbol: ISymbol) =
        match token.Kind() with
        | SyntaxKind.StringLiteralToken
        | SyntaxKind.CharacterLiteralToken
        | SyntaxKind.InterpolatedStringTextToken
        | SyntaxKind.InterpolatedStringStartToken
        | SyntaxKind.InterpolatedStringEndToken -> "s"
        | SyntaxKind.NumericLiteralToken -> "n"
        | SyntaxKind.IdentifierToken when token.Text = "var" -> "k"
        | SyntaxKind.IdentifierToken ->
            match symbol with
            | :? ITypeSymbol -> "rt"
            | :? IMethodSymbol -> "fn"
            | :? IPropertySymbol -> "prop"
            | _ -> "id"
        | _ when token.IsKeyword() || SyntaxFacts.IsContextualKeyword(token.Kind()) -> "k"
        | _ -> ""

    /// What the page that is being filled has of listings so far: the tips on names by their text, and the equations whose line is shown.
    type private Shown = { Tips: Dictionary<string, string>; Equations: HashSet<string> }

    let private span (kind: string) (text: string) =
        let encoded = WebUtility.HtmlEncode text
        if kind = "" then encoded else $"<span class=\"{kind}\">{encoded}</span>"

    /// White space or a comment. The first comment on the page that bears an equation's id becomes the place that links to code lead to.
    let private trivia shown (part: SyntaxTrivia) =
        if part.Kind().ToString().Contains "Comment" then
            let anchors =
                [
                    for found in Equations.id.Matches(part.ToFullString()) do
                        if shown.Equations.Add found.Value then
                            $"<span id=\"code-{found.Value}\"></span>"
                ]

            String.concat "" anchors + span "c" (part.ToFullString())
        else
            span "" (part.ToFullString())

    /// A token in its colour; a name tells what it is.
    let private coloured shown (model: SemanticModel) (token: SyntaxToken) =
        let symbol = if token.IsKind SyntaxKind.IdentifierToken then Sources.symbol model token else null
        let kind = colour token symbol

        if isNull symbol || kind = "k" then
            span kind token.Text
        else
            let tip = Sources.tip model token symbol

            let id =
                match shown.Tips.TryGetValue tip with
                | true, id -> id
                | _ ->
                    shown.Tips[tip] <- $"cs{shown.Tips.Count + 1}"
                    shown.Tips[tip]

            $"<span class=\"{kind}\" data-tip=\"{id}\">{WebUtility.HtmlEncode token.Text}</span>"

    /// Code whose first line has lost its indentation with the documentation, with as much taken from the other lines.
    let private outdent (node: SyntaxNode) (code: string) =
        let indent = node.GetFirstToken().GetLocation().GetLineSpan().StartLinePosition.Character
        Regex.Replace(code, $"(?m)^ {{{indent}}}", "").TrimEnd()

    /// The node as HTML; what stands before its first token (its XML documentation) is left out.
    let private render shown (model: SemanticModel) (node: SyntaxNode) =
        let html = StringBuilder()
        let first = node.GetFirstToken()

        for token in node.DescendantTokens() do
            if token <> first then
                for part in token.LeadingTrivia do
                    html.Append(trivia shown part) |> ignore

            html.Append(coloured shown model token) |> ignore

            for part in token.TrailingTrivia do
                html.Append(trivia shown part) |> ignore

        outdent node (string html)

    /// All declarations of that name (overloads too) in a file of the core with the file's meaning, or why there are none.
    let private find root (file: string) (name: string) =
        match Sources.model root file with
        | None ->
            Error
                $"core/{file} does not exist; csharp takes a path below core/, such as \"Rules/Normalization/LayerNorm.cs\"."
        | Some model ->
            let declarations =
                model.SyntaxTree.GetRoot().DescendantNodes()
                |> Seq.filter (names >> List.isEmpty >> not)
                |> List.ofSeq

            // A constructor bears its type's name, which is taken to mean the whole type.
            let isWanted (node: SyntaxNode) =
                List.contains name (names node) && not (node :? ConstructorDeclarationSyntax)

            match List.filter isWanted declarations with
            | [] ->
                let known = declarations |> List.collect names |> List.distinct
                Error $"""core/{file} declares no '{name}'; it declares {String.Join(", ", known)}."""
            | found -> Ok(model, found)

    /// The declarations as plain text, or why there are none.
    let text root file name =
        find root file name
        |> Result.map (fun (_, found) ->
            found |> List.map (fun node -> outdent node (node.ToString())) |> String.concat "\n\n")

    let private html root shown file name =
        find root file name
        |> Result.map (fun (model, found) ->
            let code = found |> List.map (render shown model) |> String.concat "\n\n"
            let caption = WebUtility.HtmlEncode $"core/{file}: {name}"

            $"<figure class=\"listing\"><figcaption>{caption}</figcaption>"
            + $"<pre class=\"fssnip\"><code>{code}\n</code></pre></figure>")

    /// Puts the listings that a page asked for into it; returns what could not be found.
    let insert root (page: string) (document: IDocument) =
        let shown = { Tips = Dictionary(); Equations = HashSet() }

        let complaints =
            [
                for place in List.ofSeq (document.QuerySelectorAll "div.csharp") do
                    match html root shown (place.GetAttribute "data-file") (place.GetAttribute "data-name") with
                    | Ok listing -> place.OuterHtml <- listing
                    | Error cause -> $"{page}: {cause}"
            ]

        for entry in shown.Tips do
            let tip = document.CreateElement "div"
            tip.Id <- entry.Value
            tip.ClassName <- "fsdocs-tip"
            tip.SetAttribute("popover", "")
            tip.TextContent <- entry.Key
            document.Body.AppendChild tip |> ignore

        complaints
