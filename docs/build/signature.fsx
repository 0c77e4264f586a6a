namespace Hybrid.Docs

open System.Net
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp.Syntax

/// Declarations as C#, coloured like the listings, their types linked to the reference.
[<RequireQualifiedAccess>]
module Signature =
    let private format =
        SymbolDisplayFormat(
            typeQualificationStyle = SymbolDisplayTypeQualificationStyle.NameOnly,
            genericsOptions =
                (SymbolDisplayGenericsOptions.IncludeTypeParameters
                 ||| SymbolDisplayGenericsOptions.IncludeTypeConstraints
                 ||| SymbolDisplayGenericsOptions.IncludeVariance),
            memberOptions =
                (SymbolDisplayMemberOptions.IncludeParameters
                 ||| SymbolDisplayMemberOptions.IncludeType
                 ||| SymbolDisplayMemberOptions.IncludeModifiers
                 ||| SymbolDisplayMemberOptions.IncludeConstantValue),
            delegateStyle = SymbolDisplayDelegateStyle.NameAndSignature,
            parameterOptions =
                (SymbolDisplayParameterOptions.IncludeType
                 ||| SymbolDisplayParameterOptions.IncludeName
                 ||| SymbolDisplayParameterOptions.IncludeDefaultValue
                 ||| SymbolDisplayParameterOptions.IncludeParamsRefOut
                 ||| SymbolDisplayParameterOptions.IncludeExtensionThis),
            propertyStyle = SymbolDisplayPropertyStyle.ShowReadWriteDescriptor,
            kindOptions = SymbolDisplayKindOptions.IncludeTypeKeyword,
            miscellaneousOptions =
                (SymbolDisplayMiscellaneousOptions.UseSpecialTypes
                 ||| SymbolDisplayMiscellaneousOptions.AllowDefaultLiteral
                 ||| SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier)
        )

    let private typeFormat =
        SymbolDisplayFormat(
            typeQualificationStyle = SymbolDisplayTypeQualificationStyle.NameOnly,
            genericsOptions = SymbolDisplayGenericsOptions.IncludeTypeParameters,
            miscellaneousOptions = format.MiscellaneousOptions
        )

    /// Longer declarations get a line for each parameter.
    let private width = 72

    let private colour (part: SymbolDisplayPart) =
        match part.Kind with
        | SymbolDisplayPartKind.Keyword -> "k"
        | SymbolDisplayPartKind.ClassName
        | SymbolDisplayPartKind.RecordClassName
        | SymbolDisplayPartKind.RecordStructName
        | SymbolDisplayPartKind.StructName
        | SymbolDisplayPartKind.InterfaceName
        | SymbolDisplayPartKind.EnumName
        | SymbolDisplayPartKind.DelegateName
        | SymbolDisplayPartKind.TypeParameterName -> "rt"
        | SymbolDisplayPartKind.MethodName -> "fn"
        | SymbolDisplayPartKind.PropertyName -> "prop"
        | SymbolDisplayPartKind.NumericLiteral -> "n"
        | SymbolDisplayPartKind.StringLiteral -> "s"
        | _ -> ""

    let private render (api: Api) (owner: ISymbol) (part: SymbolDisplayPart) =
        let text = WebUtility.HtmlEncode(part.ToString())

        let linked =
            if part.Symbol :? INamedTypeSymbol && not (SymbolEqualityComparer.Default.Equals(part.Symbol, owner)) then
                match Api.address api part.Symbol with
                | Some address -> $"<a href=\"{address}\">{text}</a>"
                | None -> text
            else
                text

        match colour part with
        | "" -> linked
        | kind -> $"<span class=\"{kind}\">{linked}</span>"

    /// A type, such as that of a parameter.
    let typeHtml (api: Api) (t: ITypeSymbol) =
        t.ToDisplayParts typeFormat |> Seq.map (render api null) |> String.concat ""

    let private modifiers (symbol: ISymbol) =
        [
            if symbol.DeclaredAccessibility <> Accessibility.Public then
                "protected"
            match symbol with
            | :? INamedTypeSymbol as t when t.TypeKind = TypeKind.Class ->
                if t.IsStatic then
                    "static"
                elif t.IsAbstract then
                    "abstract"
                elif t.IsSealed then
                    "sealed"
            | _ -> ()
        ]
        |> List.map (fun word -> $"<span class=\"k\">{word}</span> ")
        |> String.concat ""

    /// What a settable property holds unless told otherwise, as the source has it.
    let private initial (symbol: ISymbol) =
        match symbol with
        | :? IPropertySymbol as p when not (isNull p.SetMethod) ->
            match p.DeclaringSyntaxReferences[0].GetSyntax() with
            | :? PropertyDeclarationSyntax as d when not (isNull d.Initializer) ->
                " " + WebUtility.HtmlEncode(string d.Initializer)
            | _ -> ""
        | _ -> ""

    /// The whole declaration, over several lines where it is long.
    let html (api: Api) (symbol: ISymbol) =
        let parts = List.ofSeq (symbol.ToDisplayParts format)
        let text = parts |> List.map string |> String.concat ""
        let declared = (text.Split " where ")[0]
        let breaks = declared.Length > width
        let mutable depth = 0
        // The list of parameters opens with the first bracket after the declared name.
        let mutable named = false
        let mutable listDepth = 0

        [
            modifiers symbol
            for index, part in List.indexed parts do
                let word = part.ToString()

                if SymbolEqualityComparer.Default.Equals(part.Symbol, symbol) || word = "this" then
                    named <- true

                let isOpening = List.contains word [ "("; "["; "<" ]

                if isOpening then
                    depth <- depth + 1

                if named && listDepth = 0 && (word = "(" || word = "[") then
                    listDepth <- depth
                    word

                    if breaks then
                        "\n    "
                elif breaks && word = " " && index > 0 && parts[index - 1].ToString() = "," && depth = listDepth then
                    "\n    "
                elif word = " " && index + 1 < parts.Length && parts[index + 1].ToString() = "where" then
                    "\n    "
                else
                    render api symbol part

                if List.contains word [ ")"; "]"; ">" ] then
                    depth <- depth - 1
            initial symbol
        ]
        |> String.concat ""
