namespace Hybrid.Docs

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp

/// The core as the compiler sees it: what each name in its source means.
[<RequireQualifiedAccess>]
module Sources =
    /// What the SDK adds to every file of a project that has ImplicitUsings, and what the project adds.
    let private globalUsings (root: string) =
        [
            "System"
            "System.Collections.Generic"
            "System.IO"
            "System.Linq"
            "System.Threading"
            "System.Threading.Tasks"
            let project = File.ReadAllText(Path.Combine(root, "core", "Hybrid.Core.csproj"))

            for found in Regex.Matches(project, "<Using Include=\"(.+?)\"( Static=\"true\")?") do
                (if found.Groups[2].Success then "static " else "") + found.Groups[1].Value
        ]
        |> List.map (fun name -> $"global using {name};")
        |> String.concat "\n"

    let private compile (root: string) =
        let options = CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.Parse)

        let trees =
            [
                CSharpSyntaxTree.ParseText(globalUsings root, options)
                for file in List.sort (Cache.files root "core" [ "*.cs" ]) do
                    CSharpSyntaxTree.ParseText(
                        File.ReadAllText file,
                        options,
                        Path.GetRelativePath(root, file).Replace('\\', '/')
                    )
            ]

        let libraries =
            (string (AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES")).Split Path.PathSeparator
            |> Seq.filter (fun file -> (Path.GetFileName file).StartsWith "System.")
            |> Seq.map (fun file -> MetadataReference.CreateFromFile file :> MetadataReference)

        let settings =
            CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                allowUnsafe = true,
                nullableContextOptions = NullableContextOptions.Enable
            )

        CSharpCompilation.Create("Hybrid.Core", trees, libraries, settings)

    let private compilations = Dictionary<string, CSharpCompilation>()

    /// All of the core, read once.
    let compilation root =
        if not (compilations.ContainsKey root) then
            compilations[root] <- compile root

        compilations[root]

    /// The meaning of a file of the core, such as "Rules/Normalization/LayerNorm.cs"; none if there is no such file.
    let model root (file: string) : SemanticModel option =
        let compilation = compilation root

        compilation.SyntaxTrees
        |> Seq.tryFind (fun tree -> tree.FilePath = "core/" + file)
        |> Option.map (fun tree -> compilation.GetSemanticModel(tree, false))

    /// The first sentence of the documentation, without its markup.
    let private summary (symbol: ISymbol) =
        match symbol.GetDocumentationCommentXml() with
        | null
        | "" -> ""
        | xml ->
            match XElement.Parse($"<doc>{xml}</doc>").Descendants "summary" |> Seq.tryHead with
            | None -> ""
            | Some summary ->
                let text = Regex.Replace(summary.Value, @"\s+", " ").Trim()
                Regex.Match(text, @"^.*?\.(?=\s|$)|^.*$").Value

    /// What a name means; null where it means nothing to a reader.
    let symbol (model: SemanticModel) (token: SyntaxToken) =
        let declared = model.GetDeclaredSymbol token.Parent
        let symbol = if isNull declared then model.GetSymbolInfo(token.Parent).Symbol else declared
        if not (isNull symbol) && symbol.Kind = SymbolKind.Namespace then null else symbol

    /// What a name is, as C# would declare it, and what its documentation says it is for.
    let tip (model: SemanticModel) (token: SyntaxToken) (symbol: ISymbol) =
        let what = symbol.ToMinimalDisplayString(model, token.SpanStart)

        match summary symbol with
        | "" -> what
        | words -> $"{what}\n{words}"
