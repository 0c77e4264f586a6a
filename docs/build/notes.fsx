namespace Hybrid.Docs

open System.IO
open System.Text.RegularExpressions

/// The notes of a page as Jupyter reads Markdown.
[<RequireQualifiedAccess>]
module NotebookNotes =
    /// Blocks indented below a line [lang=...], which is fsdocs' own mark, as fenced ones.
    let private fence (notes: string) =
        Regex.Replace(
            notes,
            @"(?m)^ {4}\[lang=(\w+)\]\n((?: {4}.*(?:\n|\z)|[ \t]*\n(?= {4}))+)",
            fun found ->
                let body = Regex.Replace(found.Groups[2].Value.TrimEnd(), "(?m)^ {4}", "")
                let language = if body.StartsWith '@' then "bibtex" else found.Groups[1].Value
                $"```{language}\n{body}\n```\n"
        )

    /// A place that links to an equation find; Jupyter keeps anchors, and sets the formula by itself.
    let private anchorEquations (notes: string) =
        Regex.Replace(
            notes,
            @"\$\$(?:(?!\$\$)[\s\S])*\$\$",
            fun formula ->
                let anchors =
                    [
                        for tag in Regex.Matches(formula.Value, @"\\tag\{([^}]+)\}") ->
                            $"<a id=\"eq-{tag.Groups[1].Value}\"></a>"
                    ]

                if anchors.IsEmpty then
                    formula.Value
                else
                    String.concat "" anchors + "\n\n" + formula.Value
        )

    /// Where a link of the page leads in the repository, seen from scripts/; None where nothing is there.
    let private target (root: string) (name: string) (address: string) =
        let path, place =
            match address.Split('#', 2) with
            | [| path; place |] -> path, "#" + place
            | _ -> address, ""

        let page = Regex.Replace(path, @"\.(html|md|fsx)$", "")
        let isThere (file: string) = File.Exists(Path.Combine(root, file))

        if Regex.IsMatch(address, @"^[a-z][a-z0-9+.-]*:") then Some address
        elif path = "" || page = name then Some(if place = "" then name + ".ipynb" else place)
        elif path.StartsWith "reference/" then Some "../core"
        elif isThere $"scripts/{page}.fsx" then Some(page + ".fsx")
        elif isThere $"docs/{page}.md" then Some $"../docs/{page}.md"
        elif isThere $"docs/{path}" then Some $"../docs/{path}"
        else None

    /// Links to pages of the site become links to files of the repository; also returns those that lead nowhere.
    let private relink root name (notes: string) =
        let lost = ResizeArray<string>()

        let relinked =
            Regex.Replace(
                notes,
                @"(?<=\]\()[^)\s]+(?=[)\s])|(?<=\bhref="")[^""]+(?="")",
                fun link ->
                    match target root name link.Value with
                    | Some address -> address
                    | None ->
                        lost.Add link.Value
                        link.Value
            )

        relinked, List.ofSeq lost

    let private withoutFrontMatter (notes: string) =
        Regex.Replace(notes, @"\A---\n.*?\n---\n", "", RegexOptions.Singleline)

    /// The notes for the notebook of scripts/NAME.fsx, and links that lead nowhere.
    let convert (root: string) (name: string) (notes: string) =
        let notes, lost = notes |> withoutFrontMatter |> fence |> anchorEquations |> relink root name
        notes.Trim(), lost
