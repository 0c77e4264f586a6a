namespace Hybrid.Docs

open System
open System.IO
open System.Net
open System.Text
open System.Text.RegularExpressions
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
    let private colour (token: SyntaxToken) =
        let isTypeName =
            match token.Parent with
            | :? BaseTypeDeclarationSyntax
            | :? DelegateDeclarationSyntax
            | :? TypeParameterSyntax
            | :? GenericNameSyntax -> true
            | :? IdentifierNameSyntax as name ->
                match name.Parent with
                | :? VariableDeclarationSyntax as declaration -> obj.ReferenceEquals(declaration.Type, name)
                | :? ParameterSyntax
                | :? NullableTypeSyntax
                | :? ArrayTypeSyntax
                | :? TypeArgumentListSyntax
                | :? TupleElementSyntax
                | :? ObjectCreationExpressionSyntax
                | :? BaseTypeSyntax -> true
                | :? MethodDeclarationSyntax as m -> obj.ReferenceEquals(m.ReturnType, name)
                | :? PropertyDeclarationSyntax as p -> obj.ReferenceEquals(p.Type, name)
                | _ -> false
            | _ -> false

        let isCalled =
            match token.Parent with
            | :? MethodDeclarationSyntax
            | :? LocalFunctionStatementSyntax
            | :? ConstructorDeclarationSyntax -> true
            | :? SimpleNameSyntax as name ->
                match name.Parent with
                | :? InvocationExpressionSyntax -> true
                | :? MemberAccessExpressionSyntax as access ->
                    obj.ReferenceEquals(access.Name, name) && access.Parent :? InvocationExpressionSyntax
                | _ -> false
            | _ -> false

        match token.Kind() with
        | SyntaxKind.StringLiteralToken
        | SyntaxKind.CharacterLiteralToken
        | SyntaxKind.InterpolatedStringTextToken
        | SyntaxKind.InterpolatedStringStartToken
        | SyntaxKind.InterpolatedStringEndToken -> "s"
        | SyntaxKind.NumericLiteralToken -> "n"
        | SyntaxKind.IdentifierToken when token.Text = "var" -> "k"
        | SyntaxKind.IdentifierToken when isCalled -> "fn"
        | SyntaxKind.IdentifierToken when isTypeName -> "rt"
        | _ when token.IsKeyword() || SyntaxFacts.IsContextualKeyword(token.Kind()) -> "k"
        | _ -> ""

    let private span (kind: string) (text: string) =
        let encoded = WebUtility.HtmlEncode text
        if kind = "" then encoded else $"<span class=\"{kind}\">{encoded}</span>"

    let private trivia (part: SyntaxTrivia) =
        let isComment = part.Kind().ToString().Contains "Comment"
        span (if isComment then "c" else "") (part.ToFullString())

    /// The node as HTML; what stands before its first token (its XML documentation) is left out.
    let private render (node: SyntaxNode) =
        let html = StringBuilder()
        let first = node.GetFirstToken()

        for token in node.DescendantTokens() do
            if token <> first then
                for part in token.LeadingTrivia do
                    html.Append(trivia part) |> ignore

            html.Append(span (colour token) token.Text) |> ignore

            for part in token.TrailingTrivia do
                html.Append(trivia part) |> ignore

        // The first line has lost its indentation with the documentation; take as much from the others.
        let indent = first.GetLocation().GetLineSpan().StartLinePosition.Character
        Regex.Replace(string html, $"(?m)^ {{{indent}}}", "").TrimEnd()

    /// All declarations of that name (overloads too) in a file of the core, or why there are none.
    let html (root: string) (file: string) (name: string) =
        let path = Path.Combine(root, "core", file)

        if not (File.Exists path) then
            Error $"core/{file} does not exist; csharp takes a path below core/, such as \"Rules/LayerNorm.cs\"."
        else
            let tree = CSharpSyntaxTree.ParseText(File.ReadAllText path)

            let declarations =
                tree.GetRoot().DescendantNodes() |> Seq.filter (names >> List.isEmpty >> not) |> List.ofSeq

            // A constructor bears its type's name, which is taken to mean the whole type.
            let isWanted (node: SyntaxNode) =
                List.contains name (names node) && not (node :? ConstructorDeclarationSyntax)

            match List.filter isWanted declarations with
            | [] ->
                let known = declarations |> List.collect names |> List.distinct
                Error $"""core/{file} declares no '{name}'; it declares {String.Join(", ", known)}."""
            | found ->
                let code = found |> List.map render |> String.concat "\n\n"
                let caption = WebUtility.HtmlEncode $"core/{file}: {name}"

                Ok(
                    $"<figure class=\"listing\"><figcaption>{caption}</figcaption>"
                    + $"<pre class=\"fssnip\"><code lang=\"csharp\">{code}\n</code></pre></figure>"
                )
