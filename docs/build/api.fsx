namespace Hybrid.Docs

open System
open System.IO
open System.Text.RegularExpressions
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp

/// A public type of the core: where it is declared, the page of the reference that shows it, and its public members,
/// overloads together.
type ApiType =
    {
        Symbol: INamedTypeSymbol
        Name: string
        Page: string
        Source: string
        Members: (string * ISymbol list) list
    }

    /// The namespace without the part that all of them share.
    member t.Area = t.Symbol.ContainingNamespace.Name

/// The public surface of the core, as the compiler sees its sources.
type Api = { Compilation: CSharpCompilation; Types: ApiType list }

[<RequireQualifiedAccess>]
module Api =
    let private isVisible (symbol: ISymbol) =
        match symbol.DeclaredAccessibility with
        | Accessibility.Public -> true
        | Accessibility.Protected
        | Accessibility.ProtectedOrInternal -> not (isNull symbol.ContainingType) && not symbol.ContainingType.IsSealed
        | _ -> false

    /// What a reader can call or read. What is written by the compiler (equality of records), and overrides of what
    /// every object has, say nothing about a type; the constructor without arguments does.
    let private isShown (symbol: ISymbol) =
        let isOfObject (m: IMethodSymbol) = List.contains m.Name [ "ToString"; "Equals"; "GetHashCode" ]

        match symbol with
        | :? IMethodSymbol as m ->
            match m.MethodKind with
            | MethodKind.Constructor ->
                not m.IsImplicitlyDeclared || (m.ContainingType.TypeKind = TypeKind.Class && m.Parameters.IsEmpty)
            | MethodKind.Ordinary -> not m.IsImplicitlyDeclared && not (isOfObject m)
            | MethodKind.UserDefinedOperator
            | MethodKind.Conversion -> not m.IsImplicitlyDeclared
            | _ -> false
        | :? INamedTypeSymbol -> false
        | _ -> not symbol.IsImplicitlyDeclared

    /// The name under which a member is spoken of and linked to.
    let nameOf (symbol: ISymbol) =
        match symbol with
        | :? IMethodSymbol as m when m.MethodKind = MethodKind.Constructor -> m.ContainingType.Name
        | :? IMethodSymbol as m when m.MethodKind = MethodKind.Conversion -> "conversion"
        | :? IMethodSymbol as m when m.MethodKind = MethodKind.UserDefinedOperator ->
            "operator " + SyntaxFacts.GetText(SyntaxFacts.GetOperatorKind m.Name)
        | :? IPropertySymbol as p when p.IsIndexer -> "this[]"
        | _ -> symbol.Name

    let parametersOf (symbol: ISymbol) =
        match symbol with
        | :? IMethodSymbol as m -> List.ofSeq m.Parameters
        | :? IPropertySymbol as p -> List.ofSeq p.Parameters
        | :? INamedTypeSymbol as t when t.TypeKind = TypeKind.Delegate -> List.ofSeq t.DelegateInvokeMethod.Parameters
        | _ -> []

    let rec private typesIn (space: INamespaceOrTypeSymbol) =
        [
            for part in space.GetMembers() do
                match part with
                | :? INamespaceSymbol as inner -> yield! typesIn inner
                | :? INamedTypeSymbol as t when isVisible t ->
                    yield t
                    yield! typesIn t
                | _ -> ()
        ]

    let private nameFormat =
        SymbolDisplayFormat(
            typeQualificationStyle = SymbolDisplayTypeQualificationStyle.NameAndContainingTypes,
            genericsOptions = SymbolDisplayGenericsOptions.IncludeTypeParameters
        )

    /// A type that stands in several files, as all forms of rules do, is called by the file that bears its name.
    let private source (symbol: INamedTypeSymbol) =
        let files = [ for place in symbol.Locations -> place.SourceTree.FilePath ]

        files
        |> List.tryFind (fun file -> file.EndsWith $"/{symbol.Name}.cs")
        |> Option.defaultValue files.Head

    let private describe (symbol: INamedTypeSymbol) =
        let members =
            if symbol.TypeKind = TypeKind.Delegate then
                []
            else
                symbol.GetMembers()
                |> Seq.filter (fun each -> isVisible each && isShown each)
                |> Seq.groupBy nameOf
                |> Seq.map (fun (name, group) -> name, List.ofSeq group)
                |> List.ofSeq

        let outer = if isNull symbol.ContainingType then "" else symbol.ContainingType.Name + "-"

        {
            Symbol = symbol
            Name = symbol.ToDisplayString nameFormat
            Page = $"{symbol.ContainingNamespace.Name}-{outer}{symbol.Name}.html".ToLowerInvariant()
            Source = source symbol
            Members = members
        }

    let read (root: string) =
        let compilation = Sources.compilation root

        let types =
            typesIn compilation.Assembly.GlobalNamespace
            |> List.map describe
            |> List.sortBy (fun t -> t.Area, t.Name)

        { Compilation = compilation; Types = types }

    /// The anchor of a member on its type's page; overloads after the first are numbered.
    let anchor (t: ApiType) (symbol: ISymbol) =
        let name, group = t.Members |> List.find (fun (_, group) -> List.contains symbol group)

        let word =
            match name with
            | "this[]" -> "item"
            | _ when name = t.Symbol.Name -> "constructor"
            | _ -> Regex.Replace((group.Head.Name).TrimStart('.'), "[^A-Za-z0-9_]", "-")

        match List.findIndex ((=) symbol) group with
        | 0 -> word
        | index -> $"{word}-{index + 1}"

    /// The page, and the anchor on it, that shows a symbol.
    let address (api: Api) (symbol: ISymbol) =
        let symbol = symbol.OriginalDefinition
        let same (a: ISymbol) (b: ISymbol) = SymbolEqualityComparer.Default.Equals(a, b)

        let owner =
            match symbol with
            | :? INamedTypeSymbol -> symbol
            | _ -> symbol.ContainingType

        api.Types
        |> List.tryFind (fun t -> same t.Symbol owner)
        |> Option.map (fun t ->
            match t.Members |> List.collect snd |> List.tryFind (same symbol) with
            | Some found -> $"{t.Page}#{anchor t found}"
            | None -> t.Page)
