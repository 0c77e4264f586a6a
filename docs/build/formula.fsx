namespace Hybrid.Docs

open System.Text.RegularExpressions

/// TeX as a line of plain text, to be searched and to be shown in an excerpt: "\hat{x} = (x - \mu)" is "x̂ = (x - μ)".
[<RequireQualifiedAccess>]
module Formula =
    let private signs =
        dict
            [
                yield!
                    List.zip
                        [
                            "alpha"
                            "beta"
                            "gamma"
                            "delta"
                            "epsilon"
                            "varepsilon"
                            "eta"
                            "theta"
                            "kappa"
                            "lambda"
                            "mu"
                            "nu"
                            "pi"
                            "rho"
                            "sigma"
                            "tau"
                            "phi"
                            "varphi"
                            "omega"
                            "Phi"
                            "Sigma"
                            "Delta"
                            "Omega"
                        ]
                        (List.ofSeq "αβγδεεηθκλμνπρστφφωΦΣΔΩ" |> List.map string)
                yield!
                    [
                        "sum", "Σ"
                        "prod", "Π"
                        "sqrt", "√"
                        "cdot", "·"
                        "odot", "⊙"
                        "times", "×"
                        "partial", "∂"
                        "nabla", "∇"
                        "le", "≤"
                        "leq", "≤"
                        "ge", "≥"
                        "geq", "≥"
                        "ne", "≠"
                        "neq", "≠"
                        "approx", "≈"
                        "infty", "∞"
                        "in", "∈"
                        "to", "→"
                        "leftarrow", "←"
                        "gets", "←"
                        "Rightarrow", "⇒"
                        "rightarrow", "→"
                        "mapsto", "↦"
                        "ldots", "…"
                        "dots", "…"
                        "cdots", "…"
                        "top", "ᵀ"
                        "ell", "ℓ"
                        "mathbb", ""
                        "mathcal", ""
                        "mathrm", ""
                        "mathbf", ""
                        "boldsymbol", ""
                        "text", ""
                        "operatorname", ""
                        "prime", "′"
                        "star", "*"
                        "lvert", "|"
                        "rvert", "|"
                        "lt", "<"
                        "gt", ">"
                        "left", ""
                        "right", ""
                        "big", ""
                        "Big", ""
                        "bigl", ""
                        "bigr", ""
                        "Bigl", ""
                        "Bigr", ""
                        "displaystyle", ""
                        "quad", " "
                        "qquad", " "
                        "lVert", "‖"
                        "rVert", "‖"
                        "Vert", "‖"
                        "mid", "|"
                        "lfloor", "⌊"
                        "rfloor", "⌋"
                        "langle", "⟨"
                        "rangle", "⟩"
                        "underbrace", ""
                        "nonumber", ""
                    ]
            ]

    let private accents =
        dict [ "hat", "\u0302"; "tilde", "\u0303"; "bar", "\u0304"; "overline", "\u0304"; "dot", "\u0307" ]

    let private replace (pattern: string) (by: Match -> string) (text: string) = Regex.Replace(text, pattern, by)

    /// In brackets, unless it is a single word or number.
    let private grouped (text: string) =
        let text = text.Trim()
        if Regex.IsMatch(text, @"^[-−]?\\?[\w.']*$") then text else $"({text})"

    /// Resolves what takes arguments in braces, innermost first.
    let rec private unfold (tex: string) =
        let next =
            tex
            |> replace @"\\(?:text|math[a-z]+|operatorname|boldsymbol|underbrace|overbrace)\*?\s*\{([^{}]*)\}" (fun m ->
                m.Groups[1].Value)
            |> replace @"([\^_])\{([^{}]*)\}" (fun m -> m.Groups[1].Value + grouped m.Groups[2].Value)
            |> replace @"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}" (fun m ->
                $"{grouped m.Groups[1].Value}/{grouped m.Groups[2].Value}")
            |> replace @"\\sqrt\s*\{([^{}]*)\}" (fun m -> "√" + grouped m.Groups[1].Value)

        if next = tex then tex else unfold next

    let plain (tex: string) =
        tex
        |> replace @"\\tag\{[^}]*\}|\\(?:begin|end)\{[^}]*\}(?:\{[^}]*\})?|\\\[|\\\]|\\\(|\\\)" (fun _ -> " ")
        |> replace @"\\(hat|tilde|bar|overline|dot)\s*(?:\{(\w)\}|([A-Za-z])(?![A-Za-z]))" (fun m ->
            m.Groups[2].Value + m.Groups[3].Value + accents[m.Groups[1].Value])
        |> replace @"\\[dt]?frac\s*(\w)\s*(\w)" (fun m -> $"{m.Groups[1].Value}/{m.Groups[2].Value}")
        |> unfold
        |> replace @"\\\\(?:\[[^\]]*\])?|\\[,;:! ]|[&~]" (fun _ -> " ")
        |> replace @"\\([A-Za-z]+)" (fun m ->
            match signs.TryGetValue m.Groups[1].Value with
            | true, sign -> sign
            | _ -> m.Groups[1].Value)
        |> replace @"[{}\\]" (fun _ -> "")
        |> replace @"\s+" (fun _ -> " ")
        |> fun text -> text.Trim()
