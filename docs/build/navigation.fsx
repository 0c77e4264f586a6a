namespace Hybrid.Docs

open AngleSharp.Dom

/// The ways from a page to the others.
[<RequireQualifiedAccess>]
module Navigation =
    let private words (link: IElement) = Tables.encode (link.TextContent.Trim())

    /// Marks the page in the menu, and ends it with links to the pages before and after it there; the home page comes first.
    let link (address: string) (document: IDocument) =
        let pages =
            List.ofSeq (document.QuerySelectorAll "header a.home, nav[aria-label='Pages'] a")
            |> List.distinctBy (fun link -> link.GetAttribute "href")

        match pages |> List.tryFindIndex (fun link -> link.GetAttribute "href" = address) with
        | None -> ()
        | Some place ->
            for link in
                document.QuerySelectorAll
                    $"header a.home[href='{address}'], nav[aria-label='Pages'] a[href='{address}']" do
                link.SetAttribute("aria-current", "page")

            let neighbour relation (title: string) (place: int) =
                match List.tryItem place pages with
                | None -> ""
                | Some link ->
                    let href = link.GetAttribute "href"
                    let name = if link.ClassList.Contains "home" then "Home" else words link
                    $"<a rel=\"{relation}\" href=\"{href}\"><span>{title}</span> {name}</a>"

            let nav = document.CreateElement "nav"
            nav.ClassName <- "neighbours"
            nav.SetAttribute("aria-label", "Previous and next page")
            nav.InnerHtml <- neighbour "prev" "Previous" (place - 1) + neighbour "next" "Next" (place + 1)
            (document.GetElementById "content").AppendChild nav |> ignore
