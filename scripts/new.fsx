// Begins a page: dotnet fsi scripts/new.fsx -- --paper "Transformers without Tears" --rule ScaleNorm
// It makes the page, a rule of the core, the rule's tests and the page's twin in PyTorch out of scripts/templates. All of them
// compile, and fail until they are written. docs/adding-a-paper.md walks through what comes then.
#load "ensure.fsx"
#r "packages/bin/Release/net10.0/Argu.dll"

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Argu

type Argument =
    | [<Unique; EqualsAssignmentOrSpaced>] Paper of title: string
    | [<Unique; EqualsAssignmentOrSpaced>] Rule of name: string

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Paper _ -> "title of the paper; what stands before a colon names the page"
            | Rule _ ->
                "name of the rule's class in the core, such as LayerNorm; after the paper if left out"

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let pathOf (file: string) = Path.Combine(root, file)

let refuse (message: string) =
    eprintfn $"{message}"
    exit 1

let title, ruleAsked =
    let parser = ArgumentParser.Create<Argument>(programName = "dotnet fsi scripts/new.fsx --")

    try
        let given =
            parser.ParseCommandLine(Array.skip 1 fsi.CommandLineArgs, raiseOnUsage = false)

        if given.IsUsageRequested then
            printfn $"{parser.PrintUsage()}"
            exit 0

        match given.TryGetResult Paper with
        | Some title -> title.Trim(), given.TryGetResult Rule
        | None -> refuse $"--paper is missing.\n\n{parser.PrintUsage()}"
    with :? ArguParseException as error ->
        refuse (error.Message.Trim())

// The title comes into comments, strings and front matter, which these characters would end.
if
    title.Length > 120
    || not (Regex.IsMatch(title, @"^[\p{L}\p{N}][\p{L}\p{N} :,.'’&()?!/+–-]*$"))
then
    refuse
        $"--paper: '{title}' cannot be the title of a page; it begins with a letter or digit, has at most 120 of them, spaces and : , . ' & ( ) ? ! / + -"

/// The words before a colon, in letters and digits that every system takes in the name of a file.
let words =
    let plain =
        (Array.head (title.Split ':')).Normalize NormalizationForm.FormD
        |> String.filter (fun letter -> Char.IsAscii letter || Char.IsWhiteSpace letter)

    [ for word in Regex.Matches(plain, "[A-Za-z0-9]+") -> word.Value ]

let page = (String.concat "-" words).ToLowerInvariant()

let rule =
    match ruleAsked with
    | Some name -> name
    | None ->
        words
        |> List.map (fun word -> string (Char.ToUpperInvariant word[0]) + word[1..])
        |> String.concat ""

if not (Regex.IsMatch(page, "^[a-z]")) then
    refuse
        $"--paper: '{title}' gives the page no name in Latin letters; begin it with a word that has some, followed by a colon."

if page.Length > 60 then
    refuse
        $"--paper: '{page}' is too long for the name of a page; shorten the title, or put a colon behind its first words."

if not (Regex.IsMatch(rule, "^[A-Z][A-Za-z0-9]{1,39}$")) then
    refuse
        $"--rule: '{rule}' cannot be a class of the core; name it by 2 to 40 letters and digits, the first a capital, such as LayerNorm."

let sources =
    [
        for file in Directory.GetFiles(pathOf "core", "*.cs", SearchOption.AllDirectories) do
            if
                not (Regex.IsMatch(Path.GetRelativePath(root, file), @"[\\/](bin|obj)[\\/]"))
            then
                file, File.ReadAllText file
    ]

/// The letters of the equations' numbers: the capitals of the rule, its first letters, or all of them; not those of another rule.
let ids =
    let letters = String.filter Char.IsAsciiLetter rule
    let capitals = String.filter Char.IsUpper letters
    let isTaken id = sources |> List.exists (fun (_, text) -> text.Contains $"// {id}-")

    [
        if capitals.Length > 1 then
            capitals
        for length in 3 .. letters.Length do
            letters[.. length - 1].ToUpperInvariant()
    ]
    |> List.tryFind (isTaken >> not)
    |> Option.defaultWith (fun () ->
        refuse $"--rule: the core has equations named after '{rule}'; choose another name.")

let packages = File.ReadAllText(pathOf "Directory.Packages.props")

/// What a template may ask for by {{name}}.
let fill (name: string) =
    match name with
    | "title" -> title
    | "page" -> page
    | "rule" -> rule
    | "ids" -> ids
    | "year" -> string DateTime.Now.Year
    | "index" ->
        let indices =
            [
                for file in Directory.GetFiles(pathOf "scripts", "*.fsx") do
                    for found in Regex.Matches(File.ReadAllText file, @"(?m)^index: (\d+)$") ->
                        int found.Groups[1].Value
            ]

        string (1 + List.fold max 0 indices)
    | package ->
        match
            Regex.Match(packages, $"Include=\"{Regex.Escape package}\" Version=\"([^\"]+)\"")
        with
        | found when found.Success -> found.Groups[1].Value
        | _ ->
            failwith
                $"a template asks for {package}, which is no package of Directory.Packages.props."

let made =
    [
        "page.fsx.template", $"scripts/{page}.fsx", "the page"
        "rule.cs.template",
        $"core/Rules/{rule}.cs",
        $"its rule, with the equations {ids}-1 and {ids}-2"
        "tests.fs.template", $"tests/Rules/{rule}Tests.fs", "the rule's tests"
        "twin.fsx.template", $"scripts/torch/{page}.fsx", "the same in PyTorch"
    ]

for _, file, _ in made do
    if File.Exists(pathOf file) then
        refuse $"{file} is there already, and stays as it is; take another title or --rule."

for taken in [ $"docs/{page}.md"; $"scripts/prelude/{page}.fsx" ] do
    if File.Exists(pathOf taken) then
        refuse
            $"the page '{page}' would have the name of {taken}; begin the title with other words and a colon."

for file, text in sources do
    if Regex.IsMatch(text, $@"\b(class|struct|record|enum|interface) {rule}\b") then
        refuse
            $"{Path.GetRelativePath(root, file)} declares a type {rule}; name the rule otherwise with --rule."

for template, file, _ in made do
    let text = File.ReadAllText(pathOf $"scripts/templates/{template}")

    let text =
        Regex.Replace(
            text,
            @"\{\{([A-Za-z][\w.-]*)\}\}",
            fun found -> fill found.Groups[1].Value
        )

    Directory.CreateDirectory(Path.GetDirectoryName(pathOf file)) |> ignore
    File.WriteAllText(pathOf file, text)

/// F# compiles the files of a project in the order of its list; the new tests come behind those of the last rule.
let project = "tests/Hybrid.Tests.fsproj"
let compile = $"<Compile Include=\"Rules/{rule}Tests.fs\" />"

let isListed =
    let text = File.ReadAllText(pathOf project)

    match Regex.Matches(text, "<Compile Include=\"Rules/\w+\.fs\" />") |> Seq.tryLast with
    | Some last ->
        File.WriteAllText(
            pathOf project,
            text.Insert(last.Index + last.Length, $"\n    {compile}")
        )

        true
    | None -> false

let width = List.max [ for _, file, _ in made -> file.Length ] + 2

for _, file, what in made do
    printfn $"{file.PadRight width}{what}"

if isListed then
    printfn $"{project.PadRight width}lists the tests"
else
    printfn $"Add this line to {project}: {compile}"

printfn
    $"""
All of it compiles, and fails until it is written. What is still to write, of the page and of the rule:
  dotnet fsi scripts/{page}.fsx -- --quick
  dotnet run --project tests -c Release -- --filter-test-list "Rules.{rule}"
The comparison with PyTorch; the second also needs the rule in tests/Parity/Table and tests/Parity/Cases:
  dotnet fsi scripts/torch/{page}.fsx
  dotnet fsi tests/Parity/run.fsx -- --store
docs/adding-a-paper.md goes through it step by step."""
