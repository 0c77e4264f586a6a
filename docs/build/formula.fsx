namespace Hybrid.Docs

open System.Text.RegularExpressions

/// TeX as a line of plain text, to be searched and to be shown in an excerpt: "\hat{x} = (x - \mu)" is "x̂ = (x - μ)".
[<RequireQualifiedAccess>]
module Formula =
    let private signs =
        let pairs =
            "alpha α beta β gamma γ delta δ epsilon ε varepsilon ε eta η theta θ kappa κ lambda λ mu μ nu ν pi π rho ρ "
            + "sigma σ tau τ phi φ varphi φ omega ω Phi Φ Sigma Σ Delta Δ Omega Ω ell ℓ sum Σ prod Π sqrt √ cdot · odot ⊙ "
            + "times × partial ∂ nabla ∇ le ≤ leq ≤ ge ≥ geq ≥ lt < gt > ne ≠ neq ≠ approx ≈ infty ∞ in ∈ to → rightarrow → "
            + "leftarrow ← gets ← Rightarrow ⇒ mapsto ↦ ldots … dots … cdots … top ᵀ prime ′ star * lvert | rvert | mid | "
            + "lVert ‖ rVert ‖ Vert ‖ lfloor ⌊ rfloor ⌋ langle ⟨ rangle ⟩"

        pairs.Split ' ' |> Array.chunkBySize 2 |> Array.map (fun pair -> pair[0], pair[1]) |> dict

    /// Commands that only say how the formula is set.
    let private silent =
        "left right big Big bigl bigr Bigl Bigr displaystyle textstyle nonumber mathbb mathcal mathrm mathbf boldsymbol text "
        + "operatorname underbrace"
        |> fun words -> set (words.Split ' ')

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
            |> replace
                @"([A-Za-z0-9)])?\\(?:text|math[a-z]+|operatorname|boldsymbol|underbrace|overbrace|substack)\*?\s*\{([^{}]*)\}"
                (fun m ->
                    let before = m.Groups[1].Value
                    if before = "" then m.Groups[2].Value else $"{before} {m.Groups[2].Value}")
            // A command that ends here must not run into the letter behind.
            |> replace @"([\^_])\{([^{}]*)\}" (fun m ->
                let inner = grouped m.Groups[2].Value
                m.Groups[1].Value + inner + (if inner.StartsWith '\\' then " " else ""))
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
        |> replace @"\\q?quad\b|\\[,;:! ]" (fun _ -> " ")
        |> unfold
        |> replace @"\\\\(?:\[[^\]]*\])?|[&~]" (fun _ -> " ")
        |> replace @"\\([A-Za-z]+)" (fun m ->
            match signs.TryGetValue m.Groups[1].Value with
            | true, sign -> sign
            | _ when silent.Contains m.Groups[1].Value -> ""
            | _ -> m.Groups[1].Value)
        |> replace @"[{}\\]" (fun _ -> "")
        |> replace @"\s+" (fun _ -> " ")
        |> fun text -> text.Trim()
