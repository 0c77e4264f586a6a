/// The law of every rule.
module Hybrid.Tests.Rules.LawTests

open Expecto
open Hybrid.Rules
open Hybrid.Tests.Law
open Hybrid.Tests.Support

let private matrix (sizes: Sizes) = normal sizes.Random [ sizes.Rows; sizes.Columns ]

let private cases =
    [
        rule
            "Tanh"
            { new IRule with
                member _.On x = x[0].Tanh()
            }
            (fun sizes -> [ matrix sizes ])
            [ "TANH-2" ]
        |> emptyAt [ [ 0; 3 ] ]

        rule
            "Linear"
            { new IRule with
                member _.On x = x[0].Linear(x[1], x[2])
            }
            (fun sizes ->
                let random = sizes.Random
                let inner, columns = sizes.Inner, sizes.Columns
                [ normal random [ sizes.Rows; inner ]; normal random [ inner; columns ]; normal random [ columns ] ])
            [ "LIN-2"; "LIN-3"; "LIN-4" ]
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ]; [ 2 ] ]
    ]

[<Tests>]
let tests = testList "Rules.Law" (List.map law cases)
