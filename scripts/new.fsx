// Begins what a paper needs: dotnet fsi scripts/new.fsx -- --kind rule --family Normalization ScaleNorm --paper "The title"
// The folder of a kind in scripts/templates is laid out as the repository is. All that it makes builds, passes its tests, and is edited from
// there; docs/adding-a-paper.md walks through what comes then.
#load "ensure.fsx"
#r "prelude/bin/Release/net10.0/Argu.dll"

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Argu

type Kind =
    | Rule
    | Optimizer
    | Model
    | Study

type Argument =
    | [<MainCommand; ExactlyOnce>] Name of name: string
    | [<Mandatory; Unique; EqualsAssignmentOrSpaced>] Kind of Kind
    | [<Unique; EqualsAssignmentOrSpaced>] Paper of title: string
    | [<Unique; EqualsAssignmentOrSpaced>] Family of folder: string

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Name _ ->
                "name of the class in the core, such as ScaleNorm; of a study, its title"
            | Kind _ ->
                "what the paper adds to the workbook; a study is a page alone, on parts that are there"
            | Paper _ ->
                "title of the page, whose file is named by what stands before a colon; the class's name if left out"
            | Family _ -> "folder of core/Rules that a rule belongs to"

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let pathOf (file: string) = Path.Combine(root, file)

let refuse (message: string) =
    eprintfn $"{message}"
    exit 1

let kind, name, title, familyAsked =
    let parser = ArgumentParser.Create<Argument>(programName = "dotnet fsi scripts/new.fsx --")

    try
        let given =
            parser.ParseCommandLine(Array.skip 1 fsi.CommandLineArgs, raiseOnUsage = false)

        if given.IsUsageRequested then
            printfn $"{parser.PrintUsage()}"
            exit 0

        let name = (given.GetResult Name).Trim()

        given.GetResult Kind,
        name,
        (given.GetResult(Paper, name)).Trim(),
        given.TryGetResult Family
    with :? ArguParseException as error ->
        refuse (error.Message.Trim())

// The title comes into comments, strings and front matter, which these characters would end.
if
    title.Length > 120
    || not (Regex.IsMatch(title, @"^[\p{L}\p{N}][\p{L}\p{N} :,.'’&()?!/+–-]*$"))
then
    refuse
        $"'{title}' cannot be the title of a page; begin it with a letter or digit; it takes 120 of them, spaces and : , . ' & ( ) ? ! / + -"

/// The words before a colon, in letters and digits that every system takes in the name of a file.
let page =
    let plain =
        (Array.head (title.Split ':')).Normalize NormalizationForm.FormD
        |> String.filter (fun letter -> Char.IsAscii letter || Char.IsWhiteSpace letter)

    let words = Regex.Matches(plain, "[A-Za-z0-9]+")
    (String.concat "-" [ for word in words -> word.Value ]).ToLowerInvariant()

if not (Regex.IsMatch(page, "^[a-z]")) then
    refuse
        $"'{title}' gives the page no name in Latin letters; begin the title with a word that has some, followed by a colon."

if page.Length > 60 then
    refuse
        $"'{page}' is too long for the name of a page; shorten the title, or put a colon behind its first words."

if kind <> Study && not (Regex.IsMatch(name, "^[A-Z][A-Za-z0-9]{1,39}$")) then
    refuse
        $"'{name}' cannot be a class of the core; name it by 2 to 40 letters and digits, the first a capital, such as LayerNorm."

let families =
    [
        for folder in Directory.GetDirectories(pathOf "core/Rules") |> Array.sort ->
            Path.GetFileName folder
    ]

let family =
    match kind, familyAsked with
    | Rule, Some family when List.contains family families -> family
    | Rule, _ ->
        refuse
            $"""--family: say where in core/Rules the rule belongs: {String.concat ", " families}."""
    | _, None -> ""
    | _ -> refuse $"--family: only rules have families; leave it out."

/// Families with lists of their own in tests/Parity.
let isOwn = family = "Elementary" || family = "Functions"

let sources =
    [
        for file in Directory.GetFiles(pathOf "core", "*.cs", SearchOption.AllDirectories) do
            if
                not (Regex.IsMatch(Path.GetRelativePath(root, file), @"[\\/](bin|obj)[\\/]"))
            then
                file, File.ReadAllText file
    ]

/// The letters of the equations' numbers: the capitals of the name, its first letters, or all of them; not those of another.
let ids =
    let letters = String.filter Char.IsAsciiLetter name
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
        refuse $"the core has equations named after '{name}'; choose another name.")

let templates = pathOf "scripts/templates"

/// What stands in a template, or in its path, by {{word}}.
let rec fill (text: string) : string =
    Regex.Replace(
        text,
        @"\{\{(\w+)\}\}",
        fun found ->
            match found.Groups[1].Value with
            | "name" -> name
            | "title" -> title
            | "page" -> page
            | "family" -> family
            | "table" -> if isOwn then family else "Composite"
            | "cases" -> if isOwn then family else "Rules"
            | "ids" -> ids
            | "year" -> string DateTime.Now.Year
            | "index" ->
                let indices =
                    [
                        for file in Directory.GetFiles(pathOf "scripts", "*.fsx") do
                            for found in
                                Regex.Matches(File.ReadAllText file, @"(?m)^index: (\d+)$") ->
                                int found.Groups[1].Value
                    ]

                string (1 + List.fold max 0 indices)
            | part ->
                (fill (File.ReadAllText(Path.Combine(templates, part + ".template")))).TrimEnd()
    )

/// Paths and texts of the kind's templates of that ending, which is left out.
let filled ending =
    let folder = Path.Combine(templates, (string kind).ToLowerInvariant())

    [
        for file in
            Directory.GetFiles(folder, "*" + ending, SearchOption.AllDirectories) |> Array.sort do
            let path = (Path.GetRelativePath(folder, file)).Replace('\\', '/')
            fill (path[.. path.Length - ending.Length - 1]), fill (File.ReadAllText file)
    ]

/// Files that are made.
let made = filled ".template"

/// The test project lists its files, in the order in which F# compiles them; a new test comes behind the last of its folder.
let compiled =
    [
        for file, _ in made do
            if file.StartsWith("tests/", StringComparison.Ordinal) then
                let folder = Path.GetDirectoryName(file["tests/".Length ..])
                let listed = $@"[\s\S]*<Compile Include=""{folder}/\w+\.fs"" />\n"

                "tests/Hybrid.Tests.fsproj",
                listed,
                $"    <Compile Include=\"{folder}/{Path.GetFileName file}\" />\n"
    ]

/// Entries come to the end of a list in a file that is there; the list's name stands behind that of the file.
let listed =
    [
        for path, entry in filled ".entry" do
            let name = (Path.GetExtension path).TrimStart '.'
            let list = $@"(?s)\nlet (private )?{name}\b.*?\n(?=    \]\n)"
            Path.ChangeExtension(path, null), list, entry
    ]

/// Files that are changed: what is added, and the new text.
let changed =
    [
        for file, before, added in compiled @ listed do
            let text = File.ReadAllText(pathOf file)
            let place = Regex.Match(text, before)

            if not place.Success then
                refuse
                    $"{file} has no place for{added.TrimEnd()}; restore it, or mend what scripts/new.fsx looks for: {before}"

            file, added, text.Insert(place.Index + place.Length, added)
    ]

for file, _ in made do
    if File.Exists(pathOf file) then
        refuse $"{file} is there already, and stays as it is; take another name or --paper."

if File.Exists(pathOf $"docs/{page}.md") then
    refuse
        $"the page '{page}' would have the name of docs/{page}.md; begin the title with other words and a colon."

for file, text in sources do
    if Regex.IsMatch(text, $@"\b(class|struct|record|enum|interface) {name}\b") then
        refuse $"{Path.GetRelativePath(root, file)} declares a type {name}; take another name."

let count (text: string) = (text.TrimEnd '\n').Split('\n').Length

let width =
    List.max
        [ for file in List.map fst made @ [ for file, _, _ in changed -> file ] -> file.Length ]
    + 2

for file, text in made do
    Directory.CreateDirectory(Path.GetDirectoryName(pathOf file)) |> ignore
    File.WriteAllText(pathOf file, text)
    printfn $"{file.PadRight width}new, {count text} lines"

for file, entry, text in changed do
    File.WriteAllText(pathOf file, text)
    let lines = if count entry = 1 then "1 line" else $"{count entry} lines"
    printfn $"{file.PadRight width}{lines} more"

let commands =
    [
        if kind <> Study then
            $"dotnet run --project tests -c Release -- --filter-test-list {name}"
            "dotnet fsi tests/Parity/run.fsx -- --store"
        if kind = Rule || kind = Model then
            "dotnet run --project tests/Onnx -c Release"
        $"dotnet fsi scripts/{page}.fsx -- --quick"
    ]

printfn
    "\nAll of it runs as it is; edit it from there. Words to replace say Yours to write. In this order:"

for command in commands do
    printfn $"  {command}"

printfn "docs/adding-a-paper.md goes through it step by step."
