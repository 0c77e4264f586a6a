namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.Net
open FSharp.Compiler.CodeAnalysis
open FSharp.Compiler.EditorServices
open FSharp.Compiler.Symbols
open FSharp.Compiler.Text
open FSharp.Compiler.Tokenization

/// F# as HTML: words in the classes that docs/content/code.css colours, names with a tip that says what they are.
type Colours() =
    let tips = Dictionary<string, string>()
    let ordered = ResizeArray<string>()
    let typeTips = Dictionary<string, string>()

    let classOfName (kind: SemanticClassificationType) =
        match kind with
        | SemanticClassificationType.Function
        | SemanticClassificationType.Method
        | SemanticClassificationType.ExtensionMethod
        | SemanticClassificationType.ConstructorForReferenceType
        | SemanticClassificationType.ConstructorForValueType -> "fn"
        | SemanticClassificationType.Property
        | SemanticClassificationType.RecordField
        | SemanticClassificationType.MutableRecordField
        | SemanticClassificationType.Field
        | SemanticClassificationType.Literal
        | SemanticClassificationType.NamedArgument -> "prop"
        | SemanticClassificationType.ReferenceType
        | SemanticClassificationType.Type
        | SemanticClassificationType.TypeDef
        | SemanticClassificationType.TypeArgument
        | SemanticClassificationType.Delegate
        | SemanticClassificationType.DisposableType
        | SemanticClassificationType.Exception
        | SemanticClassificationType.Interface
        | SemanticClassificationType.ValueType
        | SemanticClassificationType.Enumeration
        | SemanticClassificationType.Module
        | SemanticClassificationType.UnionCase -> "rt"
        | SemanticClassificationType.ComputationExpression
        | SemanticClassificationType.IntrinsicFunction -> "k"
        | _ -> ""

    let classOfToken (token: FSharpTokenInfo) =
        match token.ColorClass with
        | FSharpTokenColorKind.Keyword -> "k"
        | FSharpTokenColorKind.PreprocessorKeyword -> "pp"
        | FSharpTokenColorKind.String -> "s"
        | FSharpTokenColorKind.Number -> "n"
        | FSharpTokenColorKind.Comment -> "c"
        | _ -> ""

    let isName (token: FSharpTokenInfo) =
        token.ColorClass = FSharpTokenColorKind.Identifier
        || token.ColorClass = FSharpTokenColorKind.UpperIdentifier

    /// The tokens of each line; comments and strings go on over several.
    let tokensOf (lines: string[]) =
        let source = FSharpSourceTokenizer([ "INTERACTIVE" ], None, None, None)
        let mutable state = FSharpTokenizerLexState.Initial

        [
            for line in lines do
                let tokenizer = source.CreateLineTokenizer line

                let rec scan () =
                    match tokenizer.ScanToken state with
                    | Some token, next ->
                        state <- next
                        token :: scan ()
                    | None, next ->
                        state <- next
                        []

                scan ()
        ]

    let encode (text: string) = (WebUtility.HtmlEncode text).Replace("\n", "<br>")

    let tipText (ToolTipText elements) =
        let describe (element: ToolTipElementData) =
            let declaration = element.MainDescription |> Array.map _.Text |> String.concat ""

            match element.XmlDoc with
            | FSharpXmlDoc.FromXmlText doc when doc.NonEmpty ->
                let lines = doc.UnprocessedLines |> Array.map _.Trim() |> String.concat "\n"
                $"{encode declaration}<br><em>{encode lines}</em>"
            | _ -> encode declaration

        [
            for element in elements do
                match element with
                | ToolTipElement.Group forms -> yield! List.map describe forms
                | _ -> ()
        ]
        |> String.concat "<br>"

    /// Types are looked up once, as that takes long and they are the same everywhere.
    let textOf (symbol: FSharpSymbol) name (look: unit -> string) =
        match symbol with
        | :? FSharpEntity as entity ->
            let name = $"{name} {entity.AccessPath}.{entity.CompiledName}"

            match typeTips.TryGetValue name with
            | true, text -> text
            | _ ->
                typeTips[name] <- look ()
                typeTips[name]
        | _ -> look ()

    let idOf text =
        match tips.TryGetValue text with
        | true, id -> id
        | _ ->
            let id = $"fs{tips.Count + 1}"
            tips[text] <- id
            ordered.Add $"<div popover class=\"fsdocs-tip\" id=\"{id}\">{text}</div>"
            id

    /// The tokens of a line with their class and the id of their tip. In directives the tokenizer leaves out names, such as the load of #load, and
    /// gives some characters twice: what is shown is the line, each character once.
    let mark kindAt tipAt (line: string) tokens =
        let rec from at (chain: string list) (tokens: FSharpTokenInfo list) =
            match tokens with
            | [] -> [ (line[at..], "pp", None) ]
            | token :: _ when token.LeftColumn > at ->
                (line[at .. token.LeftColumn - 1], "pp", None) :: from token.LeftColumn chain tokens
            | token :: rest when token.RightColumn < at -> from at chain rest
            | token :: rest ->
                let text = line[at .. token.RightColumn]
                let next = token.RightColumn + 1

                if isName token then
                    // A dotted chain of names, such as List.map.
                    let chain = chain @ [ text.Trim '`' ]
                    (text, kindAt next, tipAt next chain) :: from next chain rest
                else
                    (text, classOfToken token, None) :: from next (if text = "." then chain else []) rest

        from 0 [] tokens |> List.filter (fun (text, _, _) -> text <> "")

    /// Neighbours of one class as one, with the blanks between them.
    let rec join marked =
        match marked with
        | (text, kind, None) :: (next, other, None) :: rest when kind = other ->
            join ((text + next, kind, None) :: rest)
        | (text, kind, None) :: (blank: string, "", None) :: (next, other, None) :: rest when
            kind = other && String.IsNullOrWhiteSpace blank
            ->
            join ((text + blank + next, kind, None) :: rest)
        | first :: rest -> first :: join rest
        | [] -> []

    let html (text: string, kind, tip) =
        let kind = if kind = "" then "" else $" class=\"{kind}\""
        let tip = tip |> Option.map (fun id -> $" data-tip=\"{id}\"") |> Option.defaultValue ""
        let text = WebUtility.HtmlEncode text
        if kind = "" && tip = "" then text else $"<span{kind}{tip}>{text}</span>"

    /// A cell's code, with what the compiler knows of it.
    member _.Html(code: string, results: FSharpCheckFileResults) =
        let lines = code.Split '\n'
        // By where a name ends: that of a member begins where its object does.
        let kinds = Dictionary<struct (int * int), string>()
        let known = Dictionary<struct (int * int), FSharpSymbol>()

        for item in results.GetSemanticClassification None do
            kinds[struct (item.Range.EndLine, item.Range.EndColumn)] <- classOfName item.Type

        for found in results.GetAllUsesOfAllSymbolsInFile() do
            known[struct (found.Range.EndLine, found.Range.EndColumn)] <- found.Symbol

        [
            for number, (line, tokens) in List.indexed (List.zip (List.ofArray lines) (tokensOf lines)) do
                let kindAt column = kinds.GetValueOrDefault(struct (number + 1, column), "")

                let tipAt column chain =
                    match known.TryGetValue(struct (number + 1, column)) with
                    | true, symbol ->
                        let look () =
                            tipText (results.GetToolTip(number + 1, column, line, chain, FSharpTokenTag.Identifier))

                        match textOf symbol (List.last chain) look with
                        | "" -> None
                        | text -> Some(idOf text)
                    | _ -> None

                mark kindAt tipAt line tokens |> join |> List.map html |> String.concat ""
        ]
        |> String.concat "\n"

    /// All tips that the cells so far have asked for.
    member _.Tips = String.concat "\n" ordered
