/// The ledger of the home page: rows are chosen by verdict and page, and nothing is hidden before that.
module Hybrid.Tests.Site.LedgerTests

open Expecto
open Hybrid.Tests.Site.Browser

let private shown =
    "[...document.querySelectorAll('table.ledger tr[data-page]')].filter((row) => row.checkVisibility())"

let private all = "document.querySelectorAll('table.ledger tr[data-page]').length"

let tests () =
    testList
        "ledger"
        [
            for form in [ wide; narrow ] do
                testTask $"rows are chosen by verdict, and come back, {form.Width} px" {
                    do!
                        visit Disk form "index.html" (fun visit ->
                            task {
                                do! until visit $"{shown}.length === {all} && {all} > 0"
                                let last = "#ledger-filters button[data-verdict]:not([data-verdict=''])"
                                let! verdict = visit.Page.GetAttributeAsync(last, "data-verdict")
                                do! visit.Page.ClickAsync last
                                do! until visit $"{shown}.every((row) => row.dataset.verdict === '{verdict}')"
                                do! until visit $"{shown}.length > 0 && {shown}.length <= {all}"
                                let! pressed = visit.Page.GetAttributeAsync(last, "aria-pressed")
                                Expect.equal pressed "true" "the button says that it is chosen"
                                do! visit.Page.ClickAsync "#ledger-filters button[data-verdict='']"
                                do! until visit $"{shown}.length === {all}"
                            })
                }
            testTask "a claim leads to its page and back to its row" {
                do!
                    visit Disk wide "index.html" (fun visit ->
                        task {
                            let! id =
                                visit.Page.EvaluateAsync<string>
                                    "document.querySelector('table.ledger tr[data-page]').id"

                            do! visit.Page.ClickAsync $"#{id} td:nth-child(2) a"
                            do! until visit "document.querySelector('a.claim:target')?.checkVisibility() === true"
                            do! visit.Page.ClickAsync "a.claim:target"
                            do! until visit $"document.querySelector('tr:target')?.id === '{id}'"
                        })
            }
        ]
