/// Pictures of the home page and of one other in four forms, for people to look at.
module Hybrid.Tests.Site.Screenshots

open System.IO
open Expecto
open Microsoft.Playwright
open Hybrid.Tests.Site.Browser

let private picture name (form: Form) title =
    visit Disk form name (fun visit ->
        task {
            let file = Path.Combine(Site.outputs, $"{Path.GetFileNameWithoutExtension(name: string)}-{title}.png")
            let! bytes = visit.Page.ScreenshotAsync(PageScreenshotOptions(Path = file))
            Expect.isGreaterThan bytes.Length 10_000 "bytes of the picture"
        })

let tests () =
    testList
        "screenshots"
        [
            for name in [ "index.html"; List.last (Site.ofKind Site.Literate) ] do
                testTask $"{name}, wide and narrow, light and dark" {
                    for form, title in
                        [
                            wide, "wide-light"
                            dark wide, "wide-dark"
                            narrow, "narrow-light"
                            dark narrow, "narrow-dark"
                        ] do
                        do! picture name form title
                }
        ]
