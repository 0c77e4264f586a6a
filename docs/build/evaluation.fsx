namespace Hybrid.Docs

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions

/// Turns scripts and Markdown into bare HTML with fsdocs, which evaluates the scripts.
[<RequireQualifiedAccess>]
module Evaluation =
    /// The site's own template is filled later, so that a change of it evaluates nothing again.
    let private bareTemplate =
        "<!DOCTYPE html><html><body><main>{{fsdocs-content}}</main><div id=\"tips\">{{fsdocs-tooltips}}</div></body></html>"

    let run (folder: string) (variables: (string * string) list) (command: string) (arguments: string list) =
        let start =
            ProcessStartInfo(
                command,
                arguments,
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in variables do
            start.Environment[name] <- value

        use running = Process.Start start
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        running.ExitCode, output + errors.Result

    let private staging root = Path.Combine(root, "docs", ".staging")

    /// One fsdocs process, over what fill puts into its folder of input; the folder with its output, or why there is none.
    let private fsdocs root name variables fill =
        let input = Path.Combine(staging root, "input", name)
        let output = Path.Combine(staging root, "output", name)

        for folder in [ input; output ] do
            if Directory.Exists folder then
                Directory.Delete(folder, true)

            Directory.CreateDirectory folder |> ignore

        File.WriteAllText(Path.Combine(input, "_template.html"), bareTemplate)
        fill input

        let arguments =
            [
                yield! [ "fsdocs"; "build"; "--input"; Path.GetRelativePath(root, input); "--output"; output ]
                yield! [ "--eval"; "--strict"; "--ignoreuncategorized"; "--nodefaultcontent" ]
                // A page would be evaluated once more, for llms.txt, if the project did not say that there is to be none.
                yield! [ "--noapidocs"; "--projects"; Path.Combine(root, "core", "Hybrid.Core.csproj") ]
                yield! [ "--properties"; "Configuration=Release"; "--parameters"; "root"; "./" ]
            ]

        let exitCode, messages = run root variables "dotnet" arguments

        if exitCode <> 0 then
            Error $"{name}: fsdocs ended with exit code {exitCode}:\n{messages.Trim()}"
        else
            Ok output

    /// What the end mark of a page says against it.
    let complaints name (mark: string) =
        if not (File.Exists mark) then
            [
                $"{name}: the page did not run to its end, which is: finish page. Run dotnet fsi scripts/{name}.fsx to see why."
            ]
        else
            use document = JsonDocument.Parse(File.ReadAllText mark)
            let items (key: string) = List.ofSeq (document.RootElement.GetProperty(key).EnumerateArray())

            [
                for error in items "errors" do
                    $"{name}: a cell ended with an exception: {error.GetString()}"
                for check in items "checks" do
                    if not (check.GetProperty("passed").GetBoolean()) then
                        let text (key: string) = check.GetProperty(key).ToString()
                        let checkName, measured, bound = text "name", text "measured", text "bound"
                        $"{name}: the check '{checkName}' failed: {measured} exceeds {bound}."
            ]

    /// The build's own part in what comes out.
    let private tools root =
        [ Path.Combine(root, ".config", "dotnet-tools.json"); Path.Combine(root, "docs", "build", "evaluation.fsx") ]

    let private core root =
        Cache.files root "core" [ "*.cs"; "*.csproj" ]
        @ List.ofArray (Directory.GetFiles(root, "Directory.*"))

    /// The cache's name and hash of a page. It depends on its script, what it loads, the core, and all data.
    let private pageKey root mode (page: SourcePage) =
        let shared =
            Cache.files root (Path.Combine("scripts", "prelude")) [ "*.fsx" ]
            @ Cache.files root (Path.Combine("scripts", "packages")) [ "*.*" ]

        let loads = [ for name in [ "ensure.fsx"; "prelude.fsx" ] -> Path.Combine(root, "scripts", name) ]

        let data =
            [
                for folder in [ "data"; "results" ] do
                    yield! Cache.files root (Path.Combine("scripts", folder)) [ "*.*" ]
            ]

        $"{page.Name}-{mode}", Cache.hash root [ mode ] (page.File :: tools root @ core root @ shared @ loads @ data)

    let private textsKey root (texts: SourcePage list) =
        "texts", Cache.hash root [] ([ for page in texts -> page.File ] @ tools root)

    /// What was kept of a page and is still what would come out.
    let keptPage root mode page =
        let name, hash = pageKey root mode page
        let entry = Cache.entry root name hash
        if Directory.Exists entry then Some entry else None

    let keptTexts root texts =
        let entry = textsKey root texts ||> Cache.entry root
        if Directory.Exists entry then Some entry else None

    /// The Markdown pages: the folder with their HTML.
    let texts root (texts: SourcePage list) =
        let name, hash = textsKey root texts

        let fill input =
            for page in texts do
                File.Copy(page.File, Path.Combine(input, Path.GetFileName page.File))

        match fsdocs root "texts" [] fill with
        | Error message -> Error [ message ]
        | Ok output ->
            Cache.keep root name hash output
            Ok(Cache.entry root name hash)

    /// Evaluates one page: the folder with its HTML, ledger and end mark, or what is wrong with it.
    let page root mode (page: SourcePage) =
        // Taken before the run: what is edited while it goes on is not what ran.
        let name, hash = pageKey root mode page

        let fill input =
            let scripts = Path.GetRelativePath(input, Path.Combine(root, "scripts")).Replace('\\', '/')
            let text = File.ReadAllText page.File
            let text = Regex.Replace(text, "(?m)^#load \"(?=[^\"]+\")", $"#load \"{scripts}/")
            File.WriteAllText(Path.Combine(input, page.Name + ".fsx"), text)

        let results = Path.Combine(staging root, "results", page.Name)

        if Directory.Exists results then
            Directory.Delete(results, true)

        let variables = [ "HYBRID_MODE", mode; "HYBRID_OUT", results ]

        match fsdocs root page.Name variables fill with
        | Error message -> Error [ message ]
        | Ok output ->
            match complaints page.Name (Path.Combine(results, page.Name + ".end.json")) with
            | [] ->
                File.Move(Path.Combine(output, page.Address), Path.Combine(results, page.Address))
                Cache.keep root name hash results
                Ok(Cache.entry root name hash)
            | complaints -> Error complaints

    /// Removes what evaluation leaves beside the cache.
    let tidy root =
        if Directory.Exists(staging root) then
            Directory.Delete(staging root, true)
