// Builds the site into docs/site: dotnet fsi docs/build.fsx -- --quick
#load "../scripts/ensure.fsx"
#r "../scripts/prelude/bin/Release/net10.0/AngleSharp.dll"
#r "../scripts/prelude/bin/Release/net10.0/Argu.dll"
#r "../scripts/prelude/bin/Release/net10.0/Microsoft.CodeAnalysis.dll"
#r "../scripts/prelude/bin/Release/net10.0/Microsoft.CodeAnalysis.CSharp.dll"
#load "build/tables.fsx" "build/pages.fsx" "build/cache.fsx" "build/command.fsx" "build/literate.fsx" "build/cells.fsx" "build/markdown.fsx" "build/evaluation.fsx" "build/assembly.fsx" "build/equations.fsx" "build/sources.fsx" "build/listing.fsx"
#load "build/api.fsx" "build/comments.fsx" "build/signature.fsx" "build/members.fsx" "build/reference.fsx" "build/gaps.fsx" "build/apilinks.fsx"
#load "build/html.fsx" "build/slim.fsx" "build/headings.fsx" "build/code.fsx" "build/boxes.fsx"
#load "build/about.fsx" "build/rows.fsx" "build/navigation.fsx" "build/assets.fsx" "build/chartchecks.fsx" "build/checks.fsx"
#load "build/stored.fsx" "build/ledger.fsx" "build/claims.fsx" "build/path.fsx" "build/home.fsx"
#load "build/performance.fsx" "build/promises.fsx" "build/agreement.fsx" "build/data.fsx"
#load "build/formula.fsx" "build/search.fsx"
#load "build/notes.fsx" "build/notebook.fsx" "build/downloads.fsx" "build/serve.fsx"

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Reflection
open System.Threading.Tasks
open Argu
open Hybrid.Docs

type Argument =
    | [<Unique>] Quick
    | [<Unique>] Full
    | Page of name: string
    | [<Unique>] Serve

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Quick -> "run every page in its quick mode, at most 30 seconds each"
            | Full -> "run every page in its full mode, which takes long"
            | Page _ -> "evaluate this page only, such as transformer; the others are shown as they were evaluated last"
            | Serve -> "show the site on 127.0.0.1 afterwards, until Ctrl-C"

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let site = Path.Combine(root, "docs", "site")
let scripts = Pages.scripts root
let texts = Pages.texts root
let sources = texts @ scripts

let fail (complaints: string list) =
    for complaint in complaints do
        eprintfn $"error: {complaint}"

    eprintfn "The site is not built."
    exit 1

let mode, asked, serves =
    let parser = ArgumentParser.Create<Argument>(programName = "dotnet fsi docs/build.fsx --")

    try
        let given = parser.ParseCommandLine(Array.skip 1 fsi.CommandLineArgs, raiseOnUsage = false)

        if given.IsUsageRequested then
            printfn $"{parser.PrintUsage()}"
            exit 0

        let mode =
            match given.Contains Quick, given.Contains Full with
            | true, true -> fail [ "--quick and --full exclude each other." ]
            | true, false -> "quick"
            | false, true -> "full"
            | false, false -> "standard"

        let asked = given.GetResults Page
        let known = [ for page in scripts -> page.Name ]

        for name in List.except known asked do
            fail [ $"""there is no page {name}; the pages that are evaluated are {String.concat ", " known}.""" ]

        mode, asked, given.Contains Serve
    with :? ArguParseException as error ->
        eprintfn $"{error.Message.Trim()}"
        exit 1

let need command arguments =
    let exitCode, messages = Command.run root [] command arguments

    if exitCode <> 0 then
        fail [ $"{command} {arguments} ended with exit code {exitCode}:\n{messages}" ]

for page in scripts do
    try
        Cells.code (File.ReadAllText page.File) |> ignore
    with error ->
        fail [ $"{page.Name}: {error.Message}" ]

need "dotnet" [ "tool"; "restore" ]

/// What was kept; else what is made now, if it is asked for, with a line that says how long it took.
let folderOf (name: string) isAsked (kept: string option) make =
    match kept with
    | Some folder ->
        printfn $"%-30s{name} unchanged"
        Ok(Some folder)
    | None when isAsked ->
        let watch = Stopwatch.StartNew()
        let result = make ()
        let outcome = if Result.isOk result then "" else "  FAILED"
        printfn $"%-30s{name} %6.1f{watch.Elapsed.TotalSeconds} s{outcome}"
        Result.map Some result
    | None -> Ok None

let textFolder = folderOf "Markdown" true (Markdown.kept root sources) (fun () -> Markdown.convert root sources)

// Pages measure times, which another page beside them would disturb: only quick runs, whose figures say little, share the processor.
let atOnce = if mode = "quick" then 2 else 1

let scriptFolders =
    let results = Array.create scripts.Length (Ok None)
    let waiting = scripts |> List.filter (fun page -> asked.IsEmpty || List.contains page.Name asked)
    printfn $"""to evaluate, if changed: {String.concat ", " [ for page in waiting -> page.Name ]}"""

    // One after the other from the list, as they are done; a range would be cut in halves beforehand.
    Parallel.ForEach(
        Partitioner.Create(List.indexed scripts, EnumerablePartitionerOptions.NoBuffering),
        ParallelOptions(MaxDegreeOfParallelism = atOnce),
        fun (i, page) ->
            let make () = Evaluation.page root mode page
            results[i] <- folderOf page.Name (List.contains page waiting) (Evaluation.kept root mode page) make
    )
    |> ignore

    List.zip scripts (List.ofArray results)

let complaintsOf result =
    match result with
    | Ok _ -> []
    | Error complaints -> complaints

match complaintsOf textFolder @ List.collect (snd >> complaintsOf) scriptFolders with
| [] -> ()
| complaints -> fail complaints

// The site is made anew from what was evaluated.
let watch = Stopwatch.StartNew()

if Directory.Exists site then
    Directory.Delete(site, true)

Directory.CreateDirectory site |> ignore

let template = File.ReadAllText(Path.Combine(root, "docs", "_template.html"))
let folder result = result |> Result.toOption |> Option.flatten

let api = Api.read root

let documents: SitePage list =
    [
        let bare (page: SourcePage) = File.ReadAllText(Path.Combine((folder textFolder).Value, page.Address))

        for page in texts do
            Assembly.page template sources page.Address (Some page) (bare page)

        for address, bare in Reference.pages root api do
            Assembly.page template sources address None bare

        for page, result in scriptFolders do
            match folder result with
            | Some made ->
                Assembly.page template sources page.Address (Some page) (Evaluation.fill page made (bare page))
            | None -> Assembly.standIn template sources page
    ]

/// What the pages said about themselves when they were evaluated, in the order of the menu.
let reports =
    let read = [ for page, result in scriptFolders -> Ledger.report root page (folder result) ]

    match
        List.collect
            (function
            | Ok _ -> []
            | Error complaint -> [ complaint ])
            read
    with
    | [] -> read |> List.choose Result.toOption |> List.sortBy (fun report -> int (report.Page.Field "index"))
    | complaints -> fail complaints

/// The style sheets, scripts and fonts, and the plotting library, which Plotly.NET carries along.
let copyContent () =
    let content = Path.Combine(root, "docs", "content")

    for file in Directory.GetFiles(content, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(site, "content", Path.GetRelativePath(content, file))
        Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
        File.Copy(file, target)

    let plotly = Assembly.LoadFrom(Path.Combine(root, "scripts/prelude/bin/Release/net10.0/Plotly.NET.dll"))

    for resource, name in
        [
            "Plotly.NET.plotly-2.28.0.min.js", "plotly.min.js"
            "Plotly.NET.plotly-2.28.0.min.js.LICENSE.txt", "plotly.LICENSE.txt"
        ] do
        use source = plotly.GetManifestResourceStream resource
        use target = File.Create(Path.Combine(site, "content", "vendor", name))
        source.CopyTo target

copyContent ()

/// What is done to each page before all of them are looked at together.
let prepare (page: SitePage) =
    let document = page.Document

    [
        match page.Address with
        | "index.html" -> yield! Home.fill root reports document
        | "performance.html" -> yield! Performance.fill root document
        | "promises.html" -> yield! Promises.fill root document
        | "agreement.html" -> yield! Agreement.fill root document
        | "data.html" -> yield! Data.fill root site scripts document
        | _ -> ()

        for report in reports do
            if report.Page.Address = page.Address then
                yield! Claims.link report document

        yield! Listing.insert root page.Address document
        Slim.code document
        Slim.tips document
    ]

let missing = List.collect prepare documents

/// What every page has of a kind, with the page's address.
let everywhere (find: AngleSharp.Dom.IDocument -> string list) =
    [
        for page in documents do
            for found in find page.Document -> found, page.Address
    ]

let tagged = everywhere Equations.box
let equations = readOnlyDict (List.distinctBy fst tagged)
let listings = readOnlyDict (List.distinctBy fst (everywhere Equations.listed))

let titleOf =
    let titles = dict [ for page in documents -> page.Address, Search.titleOf page.Document ]
    fun address -> titles[address]

let linkApi = ApiLinks.link api equations titleOf
let isStandIn (page: SitePage) = not (isNull (page.Document.QuerySelector "[data-stand-in]"))

/// Lays a page out.
let finish (page: SitePage) =
    let document = page.Document
    let unlinked = Equations.linkComments equations page.Address document
    Equations.linkCode listings page.Address document
    Equations.linkNotes equations page.Address document
    linkApi page
    Code.unwrap document
    Code.mark document
    Code.keepWhole document
    Headings.anchor document
    Headings.list document
    Boxes.wrap document

    match page.Source with
    | Some source when source.IsScript -> About.insert source document
    | _ -> ()

    Code.box document

    if page.Kind = "literate" then
        Rows.pair document

    Navigation.link page.Address document
    Assets.trim document
    // Equations may be derived on pages that this build left out; code in Markdown is an example, of a page yet to be written perhaps.
    if page.Kind = "prose" || List.exists isStandIn documents then [] else unlinked

/// What can be seen only when every page is finished.
let check anchors (page: SitePage) =
    [
        for address in Html.remoteLoads page.Document do
            $"{page.Address} loads {address}; the site has to work offline, put a copy into docs/content."
        for address in Html.brokenLinks anchors site page.Address page.Document do
            $"{page.Address} links to {address}, which does not exist."
        for find in [ Checks.rawMaths; Checks.rawMarkdown; Charts.complaints; Checks.images; Checks.duplicateIds ] do
            yield! find page.Address page.Document
        yield! Checks.weight site page.Address page.Document
    ]

let write (page: SitePage) =
    let file = Path.Combine(site, page.Address)
    Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
    use writer = new StreamWriter(file)
    page.Document.ToHtml(writer, Slim.formatter)

let faults =
    [
        yield! missing
        yield! Gaps.find api
        yield! List.collect finish documents
        Search.write site documents
        List.iter write documents
        for page in scripts do
            yield! Downloads.write root site page.Name
        let anchors =
            readOnlyDict
                [
                    for page in documents do
                        if not (isStandIn page) then
                            page.Address, Html.anchors page.Document
                ]

        yield! List.collect (check anchors) documents

        for equation, owners in List.groupBy fst tagged do
            if owners.Length > 1 then
                let owners = owners |> List.map snd |> String.concat " and "
                $"the equation {equation} is tagged more than once, on {owners}; tag it where it is derived and link to it elsewhere."

        for style in Directory.GetFiles(site, "*.css", SearchOption.AllDirectories) do
            for address in Html.remoteLoadsOfStyle (File.ReadAllText style) do
                $"{Path.GetRelativePath(site, style)} loads {address}; the site has to work offline, put a copy into docs/content."
    ]

if not faults.IsEmpty then
    fail faults

Cache.tidy root
printfn $"""%-30s{"put together"} %6.1f{watch.Elapsed.TotalSeconds} s"""
printfn $"""The site: {Path.Combine(site, "index.html")}"""

if serves then
    Serve.run site
