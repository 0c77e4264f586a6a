namespace Hybrid.Docs

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions

/// A script that is a page: it begins with front matter.
type ScriptPage =
    {
        Name: string
        File: string
        FrontMatter: Map<string, string>
    }

    member page.Field key = Map.tryFind key page.FrontMatter |> Option.defaultValue ""

[<RequireQualifiedAccess>]
module Pages =
    /// The lines "key: value" between the two "---" at the start of a page.
    let private frontMatter (text: string) =
        let found = Regex.Match(text, @"\A\(\*\*\s*\n---\n(.*?)\n---\n", RegexOptions.Singleline)

        if not found.Success then
            None
        else
            found.Groups[1].Value.Split '\n'
            |> Array.choose (fun line ->
                match line.IndexOf ':' with
                | -1 -> None
                | colon -> Some(line[.. colon - 1].Trim(), line[colon + 1 ..].Trim()))
            |> Map.ofArray
            |> Some

    let all (root: string) =
        [
            for file in Directory.GetFiles(Path.Combine(root, "scripts"), "*.fsx") |> Array.sort do
                match frontMatter (File.ReadAllText file) with
                | Some fields -> { Name = Path.GetFileNameWithoutExtension file; File = file; FrontMatter = fields }
                | None -> ()
        ]

    /// Fills a folder with one run's input: all Markdown, the page itself, and for every other page a stand-in with its
    /// front matter, so that menus and links know of it.
    let private stage (root: string) (folder: string) (pages: ScriptPage list) (shown: ScriptPage option) =
        Directory.CreateDirectory folder |> ignore

        for file in Directory.GetFiles(Path.Combine(root, "docs")) do
            if Path.GetExtension file = ".md" || Path.GetFileName file = "_template.html" then
                File.Copy(file, Path.Combine(folder, Path.GetFileName file))

        let scripts = Path.GetRelativePath(folder, Path.Combine(root, "scripts")).Replace('\\', '/')

        for page in pages do
            if Some page = shown then
                let text = File.ReadAllText page.File
                let text = Regex.Replace(text, "(?m)^#load \"(?=[^\"]+\")", $"#load \"{scripts}/")
                File.WriteAllText(Path.Combine(folder, page.Name + ".fsx"), text)
            else
                let fields = [ for field in page.FrontMatter -> $"{field.Key}: {field.Value}" ]
                let title = page.Field "title"
                let text = String.Join("\n", [ "---"; yield! fields; "---"; $"# {title}" ])
                File.WriteAllText(Path.Combine(folder, page.Name + ".md"), text)

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

    /// One fsdocs process: of all Markdown and the API reference, or of one page, which it evaluates.
    let private fsdocs root pages (shown: ScriptPage option) variables =
        let name = shown |> Option.map (fun page -> page.Name) |> Option.defaultValue "markdown"
        let staging = Path.Combine(root, "docs", ".staging")
        let input = Path.Combine(staging, "input", name)
        let output = Path.Combine(staging, "output", name)
        stage root input pages shown

        let arguments =
            [
                yield! [ "fsdocs"; "build"; "--input"; Path.GetRelativePath(root, input); "--output"; output ]
                yield! [ "--eval"; "--strict"; "--ignoreuncategorized" ]
                yield! [ "--projects"; Path.Combine(root, "core", "Hybrid.Core.csproj") ]
                yield! [ "--properties"; "Configuration=Release"; "--parameters"; "root"; "./" ]
            ]

        let exitCode, messages = run root variables "dotnet" arguments

        if exitCode <> 0 then
            Error $"{name}: fsdocs ended with exit code {exitCode}:\n{messages.Trim()}"
        else
            Ok output

    /// What the end mark of a page says against it.
    let private complaints name (mark: string) =
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

    /// Builds the Markdown pages and the API reference into the site.
    let buildMarkdown root pages (site: string) =
        match fsdocs root pages None [] with
        | Error message -> [ message ]
        | Ok output ->
            for file in Directory.GetFiles(output, "*.html", SearchOption.AllDirectories) do
                let target = Path.Combine(site, Path.GetRelativePath(output, file))
                Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
                File.Copy(file, target, true)

            []

    /// Evaluates one page and puts it into the site; returns what is wrong with it.
    let build root pages (site: string) mode (results: string) (page: ScriptPage) =
        let variables = [ "HYBRID_MODE", mode; "HYBRID_OUT", results ]

        match fsdocs root pages (Some page) variables with
        | Error message -> [ message ]
        | Ok output ->
            let html = page.Name + ".html"
            File.Copy(Path.Combine(output, html), Path.Combine(site, html), true)
            complaints page.Name (Path.Combine(results, page.Name + ".end.json"))
