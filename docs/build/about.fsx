namespace Hybrid.Docs

open AngleSharp.Dom

/// What a reader wants to know before reading a page: its year, its concepts, its time, and how to have it at home.
[<RequireQualifiedAccess>]
module About =
    let private facts (page: SourcePage) =
        [
            for name, key in [ "Year", "year"; "Key concepts", "keywords"; "Time to run", "time" ] do
                match page.Field key with
                | "" -> ()
                | value -> $"<div><dt>{name}</dt><dd>{Tables.encode value}</dd></div>"
        ]
        |> String.concat "\n"

    /// Below the title and what follows it in plain paragraphs: the authors, and where they published.
    let insert (page: SourcePage) (document: IDocument) =
        let script, notebook = page.Name + ".fsx", page.Name + ".ipynb"
        let about = document.CreateElement "div"
        about.ClassName <- "about"

        about.InnerHtml <-
            $"<dl>\n{facts page}\n</dl>\n"
            + $"<pre><code>dotnet fsi scripts/{script} <span class=\"whole\">-- --quick</span>\n</code></pre>\n"
            + $"<p class=\"downloads\"><a class=\"download\" href=\"{script}\" download>Script, {script}</a> "
            + $"<a class=\"download\" href=\"{notebook}\" download>Notebook, {notebook}</a></p>\n"
            + "<p>Both belong in the folder <code>scripts/</code> of the repository.</p>"

        let rec lastParagraph (element: IElement) =
            match element.NextElementSibling with
            | null -> element
            | next when next.LocalName = "p" -> lastParagraph next
            | _ -> element

        match document.QuerySelector "#content h1" with
        | null -> ()
        | title -> (lastParagraph title).After about
