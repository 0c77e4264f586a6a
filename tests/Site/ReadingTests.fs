/// What helps to read a page: contents that follow, code that can be copied, paper.
module Hybrid.Tests.Site.ReadingTests

open Expecto
open Microsoft.Playwright
open Hybrid.Tests.Site.Browser

let private longest () =
    Site.ofKind Site.Literate
    |> List.maxBy (fun name -> (Site.load name).QuerySelectorAll("#content h2").Length)

let private contents =
    testTask "the table of contents marks the section that is in view" {
        do!
            visit Http wide (longest ()) (fun visit ->
                task {
                    let! ids =
                        visit.Page.EvaluateAsync<string[]>
                            "[...document.querySelectorAll('#content h2[id]')].map((h) => h.id)"

                    Expect.isGreaterThan ids.Length 2 "sections"

                    // The last sections may be too short to come to the top.
                    for id in [ ids[0]; ids[ids.Length / 2]; ids[1] ] do
                        let! _ =
                            visit.Page.EvaluateAsync(
                                $"document.getElementById('{id}').scrollIntoView({{ behavior: 'instant' }})"
                            )

                        let isMarked =
                            $"(() => {{ const marked = document.querySelectorAll('#toc a[aria-current=location]');"
                            + $"return marked.length === 1 && decodeURIComponent(marked[0].hash) === '#{id}'; }})()"

                        try
                            do! until visit isMarked
                        with error ->
                            let! marked =
                                ask
                                    visit
                                    "[...document.querySelectorAll('#toc a[aria-current=location]')].map((a) => a.hash)"

                            failtest $"scrolled to #{id}, but the contents mark {marked}"
                })
    }

let private copying place =
    testTask $"a copy button puts its code on the clipboard, {place}" {
        do!
            visit place wide (longest ()) (fun visit ->
                task {
                    let buttons = visit.Page.Locator ".copyable button.copy"
                    let! count = buttons.CountAsync()
                    Expect.isGreaterThan count 0 "copy buttons"

                    for i in List.distinct [ 0; count / 2; count - 1 ] do
                        let button = buttons.Nth i

                        let! code =
                            button.EvaluateAsync<string>
                                "(button) => button.closest('.copyable').querySelector('pre').textContent"

                        do! button.ClickAsync()
                        do! Assertions.Expect(button).ToHaveTextAsync "Copied"
                        let! copied = visit.Page.EvaluateAsync<string> "navigator.clipboard.readText()"
                        Expect.equal (copied.Trim()) (code.Trim()) "the clipboard"
                        do! Assertions.Expect(button).ToHaveTextAsync "Copy"
                })
    }

let private paper =
    testTask "on paper there is the text, without menus and buttons" {
        do!
            visit Disk wide (longest ()) (fun visit ->
                task {
                    do! visit.Page.EmulateMediaAsync(PageEmulateMediaOptions(Media = Media.Print))

                    let! shown =
                        ask
                            visit
                            "['header', '#side', '.copyable button', '.neighbours'].filter((each) => document.querySelector(each)?.checkVisibility())"

                    Expect.isEmpty shown "what does not belong on paper"
                    do! Assertions.Expect(visit.Page.Locator "main#content h1").ToBeVisibleAsync()
                })
    }

/// Only from a server: from disk a browser shows the file instead of keeping it.
let private downloads =
    testTask "a page downloads as script and as notebook" {
        do!
            visit Http wide (longest ()) (fun visit ->
                task {
                    for ending in [ ".fsx"; ".ipynb" ] do
                        let! download =
                            visit.Page.RunAndWaitForDownloadAsync(fun () ->
                                visit.Page.ClickAsync $"a.download[href$='{ending}']")

                        let! file = download.PathAsync()
                        Expect.isGreaterThan (System.IO.FileInfo(file).Length) 1000L $"bytes of the {ending}"
                })
    }

let private toCode =
    testTask "an equation leads to its line of C#, and that line back" {
        let name = Site.literateWith "a.to-code"

        do!
            visit Disk wide name (fun visit ->
                task {
                    do! visit.Page.Locator("a.to-code").First.ClickAsync()
                    let! target = visit.Page.EvaluateAsync<string> "location.hash.slice(1)"
                    let line = visit.Page.Locator $"[id='{target}']"
                    do! Assertions.Expect(line).ToBeInViewportAsync()
                    let id = target.Replace("code-", "")

                    let! back =
                        line.EvaluateAsync<bool>(
                            "(line, id) => !!line.closest('pre').querySelector(`a[href$='#eq-${id}']`)",
                            id
                        )

                    Expect.isTrue back "a link back"
                })
    }

let tests () = testList "reading" [ contents; copying Disk; copying Http; paper; downloads; toCode ]
