namespace Hybrid.Docs

open System.IO

/// Turns Markdown into bare HTML with fsdocs: the pages of docs/, and the notes of each script.
[<RequireQualifiedAccess>]
module Markdown =
    /// The site's own template is filled later, so that a change of it converts nothing again.
    let private bareTemplate =
        "<!DOCTYPE html><html><body><main>{{fsdocs-content}}</main><div id=\"tips\">{{fsdocs-tooltips}}</div></body></html>"

    let private tools root =
        [ Path.Combine(root, ".config", "dotnet-tools.json"); Path.Combine(root, "docs", "build", "markdown.fsx") ]

    let private text (page: SourcePage) =
        let text = File.ReadAllText page.File
        if page.IsScript then Cells.notes text else text

    let private key root (pages: SourcePage list) =
        "texts", Cache.hash root [ for page in pages -> page.Name + "\n" + text page ] (tools root)

    /// The folder with the HTML of all pages, if it was kept and is still what would come out.
    let kept root pages =
        let entry = key root pages ||> Cache.entry root
        if Directory.Exists entry then Some entry else None

    /// The folder with the HTML of all pages, made by one fsdocs process; or why there is none.
    let convert (root: string) (pages: SourcePage list) =
        let name, hash = key root pages
        let input = Path.Combine(Cache.staging root, "input")
        let output = Path.Combine(Cache.staging root, "output")

        for folder in [ input; output ] do
            if Directory.Exists folder then
                Directory.Delete(folder, true)

            Directory.CreateDirectory folder |> ignore

        File.WriteAllText(Path.Combine(input, "_template.html"), bareTemplate)

        for page in pages do
            File.WriteAllText(Path.Combine(input, page.Name + ".md"), text page)

        let arguments =
            [
                yield! [ "fsdocs"; "build"; "--input"; Path.GetRelativePath(root, input); "--output"; output ]
                yield! [ "--strict"; "--ignoreuncategorized"; "--nodefaultcontent" ]
                yield! [ "--noapidocs"; "--projects"; Path.Combine(root, "core", "Hybrid.Core.csproj") ]
                yield! [ "--properties"; "Configuration=Release"; "--parameters"; "root"; "./" ]
            ]

        match Command.run root [] "dotnet" arguments with
        | 0, _ ->
            Cache.keep root name hash output
            Ok(Cache.entry root name hash)
        | exitCode, messages -> Error [ $"fsdocs ended with exit code {exitCode}:\n{messages.Trim()}" ]
