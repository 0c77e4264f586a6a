namespace Hybrid.Docs

open System.IO
open System.Text.RegularExpressions

/// What a page of the site is made from: a script of scripts/, which is evaluated, or Markdown of docs/. It begins with front matter.
type SourcePage =
    {
        Name: string
        File: string
        FrontMatter: Map<string, string>
    }

    member page.Field key = Map.tryFind key page.FrontMatter |> Option.defaultValue ""

    member page.IsScript = Path.GetExtension page.File = ".fsx"

    /// The address of its page, from the site's root.
    member page.Address = page.Name + ".html"

[<RequireQualifiedAccess>]
module Pages =
    /// The lines "key: value" between two lines "---", behind what opens the text, and the text that follows them.
    let frontMatter (opening: string) (text: string) =
        let found = Regex.Match(text, $@"\A{opening}---\r?\n(.*?)\n---\r?\n", RegexOptions.Singleline)

        if not found.Success then
            None
        else
            let rest = text[found.Length ..]

            found.Groups[1].Value.Split '\n'
            |> Array.choose (fun line ->
                match line.IndexOf ':' with
                | -1 -> None
                | colon -> Some(line[.. colon - 1].Trim(), line[colon + 1 ..].Trim()))
            |> Map.ofArray
            |> fun fields -> Some(fields, rest)

    let private from folder pattern opening =
        [
            for file in Directory.GetFiles(folder, pattern) |> Array.sort do
                match frontMatter opening (File.ReadAllText file) with
                | Some(fields, _) -> { Name = Path.GetFileNameWithoutExtension file; File = file; FrontMatter = fields }
                | None -> ()
        ]

    /// The scripts that are pages, by name.
    let scripts (root: string) = from (Path.Combine(root, "scripts")) "*.fsx" @"\(\*\*\s*\n"

    /// The pages in Markdown, by name.
    let texts (root: string) = from (Path.Combine(root, "docs")) "*.md" ""

    /// Pages in the order of the menu, each with its heading there.
    let menu (pages: SourcePage list) =
        let number (key: string) (page: SourcePage) =
            match System.Int32.TryParse(page.Field key) with
            | true, number -> number
            | _ -> 999

        pages
        |> List.sortBy (fun page -> number "categoryindex" page, number "index" page, page.Name)
        |> List.groupBy (fun page -> page.Field "category")
