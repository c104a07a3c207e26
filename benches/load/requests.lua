-- What wrk sends: the requests of the file that PLAN names, in turn. What came of it goes to OUT.
local plan = dofile(os.getenv("PLAN"))
local built, turn = {}, 0
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init()
    wrong, sample = 0, ""
    for position, request in ipairs(plan.requests) do
        built[position] = wrk.format("POST", "/graphql", request.headers, request.body)
    end
end

function request()
    turn = turn % #built + 1
    return built[turn]
end

function response(status, _, body)
    if status ~= 200 or not body:find(plan.must, 1, true) or body:find('"errors"', 1, true) then
        wrong = wrong + 1
        sample = status .. " " .. body:sub(1, 200):gsub("[%c\"\\]", " ")
    end
end

function done(summary, latency)
    local total, text = 0, ""
    for _, thread in ipairs(threads) do
        total = total + thread:get("wrong")
        text = thread:get("sample")
    end
    local failed = summary.errors
    total = total + failed.connect + failed.read + failed.write + failed.timeout
    local file = io.open(os.getenv("OUT"), "w")
    file:write(string.format(
        '{"requests":%d,"rate":%.1f,"p50":%.3f,"p99":%.3f,"wrong":%d,"sample":"%s"}',
        summary.requests, summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, total, text))
    file:close()
end
