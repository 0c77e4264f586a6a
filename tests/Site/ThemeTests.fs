module Hybrid.Tests.Site.ThemeTests

open Expecto
open Microsoft.Playwright
open Hybrid.Tests.Site.Browser

/// True if the page is drawn light on dark.
let private isDark (visit: Visit) =
    visit.Page.EvaluateAsync<bool>
        """(() => {
          const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/[\d.]+/g).map(Number);
          const [bodyR, bodyG, bodyB, alpha = 1] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
          return (alpha > 0 ? bodyR + bodyG + bodyB : r + g + b) < 384;
        })()"""

let private press (visit: Visit) = visit.Page.ClickAsync "#theme-button"

let private remembers place =
    testTask $"the chosen theme holds on other pages and after loading again, {place}" {
        do!
            visit place wide "index.html" (fun visit ->
                task {
                    let! before = isDark visit
                    Expect.isFalse before "light as the system"
                    do! press visit
                    let! pressed = isDark visit
                    Expect.isTrue pressed "dark after the button"
                    do! go visit (List.head (Site.ofKind Site.Literate))
                    let! elsewhere = isDark visit
                    Expect.isTrue elsewhere "dark on another page"
                    let! _ = visit.Page.ReloadAsync()
                    let! again = isDark visit
                    Expect.isTrue again "dark after loading again"
                    do! press visit
                    let! back = isDark visit
                    Expect.isFalse back "light after the button"
                })
    }

let tests () =
    testList
        "theme"
        [
            remembers Disk
            remembers Http
            testTask "without a choice the theme follows the system, also while the page is open" {
                do!
                    visit Http (dark wide) "index.html" (fun visit ->
                        task {
                            let! atFirst = isDark visit
                            Expect.isTrue atFirst "dark as the system"
                            do! visit.Page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = ColorScheme.Light))
                            let! after = isDark visit
                            Expect.isFalse after "light as the system"
                        })
            }
            testTask "charts are drawn anew in the colours of the theme" {
                let name = Site.literateWith "script.plot"

                do!
                    visit Http wide name (fun visit ->
                        task {
                            let! drawn = ask visit "look.charts()"
                            expectNone drawn

                            let ink () =
                                visit.Page.EvaluateAsync<string>
                                    "getComputedStyle(document.querySelector('.plot-area svg text')).fill"

                            do!
                                visit.Page.EvaluateAsync "document.querySelector('.plot-area').scrollIntoView()"
                                :> System.Threading.Tasks.Task

                            let! light = ink ()
                            do! press visit

                            let code =
                                $"getComputedStyle(document.querySelector('.plot-area svg text')).fill !== '{light}'"

                            do! until visit code
                            ()
                        })
            }
        ]
