namespace Hybrid.Docs

open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp.Syntax

/// What the XML comments of the core leave out.
[<RequireQualifiedAccess>]
module Gaps =
    /// A record says what its parameters are; the properties that they become need no words of their own.
    let private isPositional (symbol: ISymbol) =
        match symbol with
        | :? IPropertySymbol as p -> p.DeclaringSyntaxReferences[0].GetSyntax() :? ParameterSyntax
        | _ -> false

    /// The tensors that a rule or a layer takes and of whose shapes its comment does not speak. For a rule each parameter
    /// has to, for a layer the comment as a whole. Composed takes what Forward takes, whose comment says it.
    let private shapeless (t: ApiType) (comment: Comment) (symbol: ISymbol) =
        let tellsShape (html: string) = Comments.hasShape html || html.Contains "shape"

        let tensors =
            [
                for p in Api.parametersOf symbol do
                    if List.contains p.Type.Name [ "Tensor"; "Variable" ] then
                        p.Name
            ]

        match t.Area with
        | "Rules" when symbol.Name.StartsWith "Composed" -> []
        | "Rules" ->
            tensors
            |> List.filter (fun name -> not (comment.Parameters.TryFind name |> Option.exists tellsShape))
        | "Layers" ->
            let all = comment.Summary :: comment.Remarks :: comment.Returns :: List.ofSeq comment.Parameters.Values
            if List.exists tellsShape all then [] else tensors
        | _ -> []

    /// What a public type or member lacks.
    let find (api: Api) =
        [
            for area in api.Types |> List.map (fun t -> t.Area) |> List.distinct do
                if not (List.exists (fst >> (=) area) Reference.areas) then
                    $"Hybrid.{area}: the overview of the reference does not say what it holds; add it in docs/build/reference.fsx."
            for page, types in List.groupBy (fun t -> t.Page) api.Types do
                if types.Length > 1 then
                    let names = types |> List.map (fun t -> t.Name) |> String.concat " and "
                    $"reference/{page}: {names} would share this page; rename one."
            for t in api.Types do
                let members =
                    [
                        for name, group in t.Members do
                            for each in group -> $"{t.Name}.{name}", each
                    ]

                for name, symbol in (t.Name, t.Symbol :> ISymbol) :: members do
                    let comment = Comments.read api symbol

                    if comment.Summary = "" && not (symbol.IsImplicitlyDeclared || isPositional symbol) then
                        $"{t.Source}: {name} has no summary; write one in its XML comment."

                    for parameter in shapeless t comment symbol do
                        let file = symbol.Locations[0].SourceTree.FilePath
                        $"{file}: the comment of {name} does not tell the shape of {parameter}; write it, such as [batch, features]."
        ]
