// Builds the site into docs/site: dotnet fsi docs/build.fsx -- --quick
#load "../scripts/ensure.fsx"
#r "../scripts/packages/bin/Release/net10.0/AngleSharp.dll"
#r "../scripts/packages/bin/Release/net10.0/Argu.dll"
#r "../scripts/packages/bin/Release/net10.0/Microsoft.CodeAnalysis.dll"
#r "../scripts/packages/bin/Release/net10.0/Microsoft.CodeAnalysis.CSharp.dll"
#load "build/pages.fsx" "build/listing.fsx" "build/html.fsx" "build/tables.fsx" "build/home.fsx" "build/performance.fsx" "build/promises.fsx"

open System
open System.Diagnostics
open System.IO
open System.Reflection
open AngleSharp.Html
open Argu
open Hybrid.Docs

type Argument =
    | [<Unique>] Quick
    | [<Unique>] Full

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Quick -> "run every page in its quick mode, at most 30 seconds each"
            | Full -> "run every page in its full mode, which takes long"

let mode =
    let parser = ArgumentParser.Create<Argument>(programName = "dotnet fsi docs/build.fsx --")

    try
        let given = parser.ParseCommandLine(Array.skip 1 fsi.CommandLineArgs, raiseOnUsage = false)

        if given.IsUsageRequested then
            printfn $"{parser.PrintUsage()}"
            exit 0

        match given.Contains Quick, given.Contains Full with
        | true, true ->
            eprintfn "--quick and --full exclude each other."
            exit 1
        | true, false -> "quick"
        | false, true -> "full"
        | false, false -> "standard"
    with :? ArguParseException as error ->
        eprintfn $"{error.Message.Trim()}"
        exit 1

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let staging = Path.Combine(root, "docs", ".staging")
let results = Path.Combine(staging, "results")
let site = Path.Combine(root, "docs", "site")

let fail (complaints: string list) =
    for complaint in complaints do
        eprintfn $"error: {complaint}"

    eprintfn "The site is not built."
    exit 1

let need command arguments =
    let exitCode, messages = Pages.run root [] command arguments

    if exitCode <> 0 then
        fail [ $"{command} {arguments} ended with exit code {exitCode}:\n{messages}" ]

let told (name: string) (work: unit -> string list) =
    let watch = Stopwatch.StartNew()
    let complaints = work ()
    let outcome = if complaints.IsEmpty then "" else "  FAILED"
    printfn $"%-30s{name} %5.1f{watch.Elapsed.TotalSeconds} s{outcome}"
    complaints

// A page gives the same result whatever was built before.
for folder in [ staging; site ] do
    if Directory.Exists folder then
        Directory.Delete(folder, true)

    Directory.CreateDirectory folder |> ignore

Directory.CreateDirectory results |> ignore
need "dotnet" [ "tool"; "restore" ]

let pages = Pages.all root

// The stand-ins for pages come with the Markdown; the pages replace them.
let complaints =
    [
        yield! told "Markdown and API reference" (fun () -> Pages.buildMarkdown root pages site)
        for page in pages do
            yield! told page.Name (fun () -> Pages.build root pages site mode results page)
    ]

if not complaints.IsEmpty then
    fail complaints

/// The style sheets, scripts and fonts, and the plotting library, which Plotly.NET carries along.
let copyContent () =
    let content = Path.Combine(root, "docs", "content")

    for file in Directory.GetFiles(content, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(site, "content", Path.GetRelativePath(content, file))
        Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
        File.Copy(file, target)

    let plotly = Assembly.LoadFrom(Path.Combine(root, "scripts/packages/bin/Release/net10.0/Plotly.NET.dll"))

    for resource, name in
        [
            "Plotly.NET.plotly-2.28.0.min.js", "plotly.min.js"
            "Plotly.NET.plotly-2.28.0.min.js.LICENSE.txt", "plotly.LICENSE.txt"
        ] do
        use source = plotly.GetManifestResourceStream resource
        use target = File.Create(Path.Combine(site, "content", "vendor", name))
        source.CopyTo target

copyContent ()

let files = Directory.GetFiles(site, "*.html", SearchOption.AllDirectories) |> List.ofArray
let documents = [ for file in files -> file, Html.load file ]
let nameOf (file: string) = Path.GetRelativePath(site, file).Replace('\\', '/')

let tagged =
    [
        for file, document in documents do
            for equation in Html.anchorEquations document do
                equation, nameOf file
    ]

let equations = readOnlyDict (List.distinctBy fst tagged)

let finish (file: string, document) =
    let name = nameOf file
    Html.tidy document

    if name.Contains '/' then
        Html.relinkFromBelow document
        Html.unlinkDelegates file document

    if name = "index.html" then
        Home.fill pages results document

    if name = "performance.html" then
        Performance.fill root document

    if name = "promises.html" then
        Promises.fill root document

    // page.js puts the code of a script beside its notes; Markdown stays in one column.
    if pages |> List.exists (fun page -> page.Name + ".html" = name) then
        document.Body.ClassList.Add "literate"

    let missing = Html.insertListings root name document
    Html.linkEquations equations name document
    Html.wrapTables document
    use writer = new StreamWriter(file)
    document.ToHtml(writer, HtmlMarkupFormatter.Instance)

    [
        yield! missing
        for address in Html.remoteLoads document do
            $"{name} loads {address}; the site has to work offline, put a copy into docs/content."
        for address in Html.brokenLinks equations file document do
            $"{name} links to {address}, which does not exist."
    ]

let styles = Directory.GetFiles(site, "*.css", SearchOption.AllDirectories)

let faults =
    [
        yield! List.collect finish documents
        for equation, owners in List.groupBy fst tagged do
            if owners.Length > 1 then
                let owners = owners |> List.map snd |> String.concat " and "
                $"the equation {equation} is tagged more than once, on {owners}; tag it where it is derived and link to it elsewhere."
        for style in styles do
            for address in Html.remoteLoadsOfStyle (File.ReadAllText style) do
                $"{nameOf style} loads {address}; the site has to work offline, put a copy into docs/content."
    ]

if not faults.IsEmpty then
    fail faults

Directory.Delete(staging, true)
printfn $"""The site: {Path.Combine(site, "index.html")}"""
