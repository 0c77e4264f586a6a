namespace Hybrid.Docs

open System.IO
open AngleSharp.Dom
open AngleSharp.Html.Parser

/// A page of the site that is being made.
type SitePage =
    {
        /// Its address from the site's root, such as "transformer.html" or "reference/index.html".
        Address: string
        /// home, literate (a script), prose (Markdown) or reference: the class of its body.
        Kind: string
        /// What it was made from; pages of the API reference have none.
        Source: SourcePage option
        Document: IDocument
    }

/// Puts the bare HTML of a page into the template of the site.
[<RequireQualifiedAccess>]
module Assembly =
    let private parser = HtmlParser()

    /// The menu: all pages by category, then the API reference.
    let private menu (pages: SourcePage list) =
        let link address title = $"<li><a href=\"{{{{root}}}}{address}\">{Tables.encode title}</a></li>"

        [
            for category, pages in Pages.menu pages do
                let links = [ for page in pages -> link page.Address (page.Field "title") ] |> String.concat "\n"
                $"<p>{Tables.encode category}</p>\n<ul>\n{links}\n</ul>"
            let reference = link "reference/index.html" "API reference"
            $"<p>Reference</p>\n<ul>\n{reference}\n</ul>"
        ]
        |> String.concat "\n"

    /// Fills the template with the bare HTML of one page. A page below the root reaches it by "../".
    let page (template: string) (pages: SourcePage list) (address: string) (source: SourcePage option) (bare: string) =
        let bare = parser.ParseDocument bare
        let inner (selector: string) = (bare.QuerySelector selector).InnerHtml
        let isBelow = address.Contains '/'

        let kind =
            match source with
            | None -> "reference"
            | Some page when page.IsScript -> "literate"
            | Some page when page.Name = "index" -> "home"
            | Some _ -> "prose"

        let title =
            match source with
            | Some page -> page.Field "title"
            | None -> bare.Title

        let html =
            template
                .Replace("{{kind}}", kind)
                .Replace("{{title}}", Tables.encode title)
                .Replace("{{pages}}", menu pages)
                .Replace("{{tips}}", inner "#tips")
                .Replace("{{root}}", (if isBelow then "../" else ""))
                .Replace("{{content}}", inner "main")

        { Address = address; Kind = kind; Source = source; Document = parser.ParseDocument html }

    /// The page in place of one that this build did not evaluate.
    let standIn template pages (missing: SourcePage) =
        let title = Tables.encode (missing.Field "title")
        let command = $"<code>dotnet fsi docs/build.fsx -- --page {missing.Name}</code>"

        let bare =
            $"<main><h1>{title}</h1><p data-stand-in>This build did not evaluate the page: {command} does.</p></main>"
            + "<div id=\"tips\"></div>"

        page template pages missing.Address (Some missing) bare
